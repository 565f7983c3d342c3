"""Where the project's files are; and files that only this user may read, written whole or not at all."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ONLY_OWNER = 0o600


def write_private(file: Path, data: bytes) -> None:
    """Puts `data` in place of what the file held; whoever reads meanwhile sees the one or the other."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, ONLY_OWNER)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(descriptor)
    new.replace(file)
