"""Pictures inside a page: a QR as a data: address, so that nothing is fetched and the saved page is complete."""

from base64 import b64encode

from redeem.lib import qr

# The Content-Security-Policy of a page with such a picture has this in place of `img-src 'self'`.
DATA_PICTURES = "img-src 'self' data:"


def qr_picture(text: str, title: str) -> str:
    """The `src` of an <img> that shows the QR of a text. `title` is read out by screen readers."""
    return f"data:image/svg+xml;base64,{b64encode(qr.svg(text, title).encode()).decode('ascii')}"
