"""Pictures that are part of the page: a QR as a data: address, so that nothing is fetched and the page can be saved whole."""

from base64 import b64encode

from redeem.lib import qr

# What a page with such a picture needs beside the usual policy of pages.
DATA_PICTURES = "img-src 'self' data:"


def qr_picture(text: str, title: str) -> str:
    """The `src` of an <img>."""
    return f"data:image/svg+xml;base64,{b64encode(qr.svg(text, title).encode()).decode('ascii')}"
