"""The project's root folder, and an atomic write of private files."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ONLY_OWNER = 0o600


def write_private(file: Path, data: bytes) -> None:
    """Replace the file's content atomically. Only the file's owner may read it; a reader sees the old content or the new."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, ONLY_OWNER)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(descriptor)
    new.replace(file)
