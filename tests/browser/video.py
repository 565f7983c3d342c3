"""What the fake camera sees: a video in which real QRs are held up, drawn by redeem/lib/qr.py."""

from io import BytesIO
from pathlib import Path

from PIL import Image

from redeem.lib import qr

SIZE = (1280, 720)
COUNTER = (168, 158, 148)
QR_PIXELS = 300


def film(path: Path, *shown: str | tuple[str, ...] | None, frames: int = 12) -> Path:
    """Writes a video that shows each as a QR in turn, a tuple side by side, None as an empty counter. Chromium plays it round and round."""
    path.write_bytes(b"".join(still(text) * frames for text in shown))
    return path


def still(shown: str | tuple[str, ...] | None) -> bytes:
    """One frame, a JPEG: that is all that there is to Motion JPEG."""
    image = Image.new("RGB", SIZE, COUNTER)
    texts = (shown,) if isinstance(shown, str) else shown or ()
    left = (SIZE[0] - QR_PIXELS * len(texts)) // 2
    for place, text in enumerate(texts):
        symbol = (
            Image.open(BytesIO(qr.png(text))).convert("RGB").resize((QR_PIXELS, QR_PIXELS), Image.Resampling.LANCZOS)
        )
        image.paste(symbol, (left + QR_PIXELS * place, (SIZE[1] - QR_PIXELS) // 2))
    file = BytesIO()
    image.save(file, "JPEG", quality=85)
    return file.getvalue()
