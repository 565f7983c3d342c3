"""Makes the tablet's service worker: the script, with the list of files to keep offline and a version made from their contents."""

import json
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from redeem.lib.files import ROOT

STATIC = ROOT / "static"
# All files that the tablet's page may load. A file that is not listed is missing offline, so the list has patterns.
KEPT = (
    "clerk/**/*.js",
    "css/design.css",
    "css/clerk.css",
    "icons/*",
    "vendor/idb-*/index.js",
    "vendor/noble-ed25519-*/index.js",
    "vendor/zxing-wasm-*/share.js",
    "vendor/zxing-wasm-*/reader/index.js",
    "vendor/zxing-wasm-*/reader/zxing_reader.wasm",
)
PAGE = ("templates/base.html", "templates/clerk/tablet.html", "redeem/web/clerk/routes.py")
WORKER = "clerk/sw.js"
VERSION_CHARACTERS = 16


def service_worker(pages: Sequence[str], static_url: str) -> str:
    """The text of sw.js, with VERSION and FILES set at its beginning. `pages` are the addresses of pages to keep."""
    files = [*pages, *(static_url + path.relative_to(STATIC).as_posix() for path in kept_files())]
    head = f"self.VERSION = {json.dumps(version())};\nself.FILES = {json.dumps(files)};\n"
    return head + (STATIC / WORKER).read_text()


def kept_files() -> list[Path]:
    found = sorted(path for pattern in KEPT for path in STATIC.glob(pattern))
    return [path for path in found if path != STATIC / WORKER]


def version() -> str:
    """A hash of all files: it changes if and only if one of them does."""
    paths = [*kept_files(), STATIC / WORKER, *(ROOT / name for name in PAGE)]
    return _version(tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in paths))


@lru_cache(maxsize=4)
def _version(files: tuple[tuple[Path, int, int], ...]) -> str:
    total = sha256()
    for path, _changed, _size in files:
        total.update(f"{path.relative_to(ROOT)}\0".encode())
        total.update(sha256(path.read_bytes()).digest())
    return total.hexdigest()[:VERSION_CHARACTERS]
