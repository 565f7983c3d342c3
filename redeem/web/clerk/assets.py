"""Makes the tablet's service worker: the script, with the files to keep offline and a hash of each. The worker keeps all or none."""

import json
from collections.abc import Iterable, Mapping
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
WORKER = "clerk/sw.js"
VERSION_CHARACTERS = 16


def service_worker(pages: Mapping[str, Iterable[bytes]], headers: Mapping[str, str], static_url: str) -> str:
    """The text of sw.js, with VERSION, FILES and HEADERS set at its beginning.

    `pages` are the pages to keep by address, each in all languages; `headers` are those with which all is served.
    """
    files = {address: [sha256(body).hexdigest() for body in bodies] for address, bodies in pages.items()}
    files |= {static_url + path.relative_to(STATIC).as_posix(): [_hash_of(path)] for path in kept_files()}
    head = f"self.FILES = {json.dumps(files)};\nself.HEADERS = {json.dumps(dict(headers))};\n"
    text = head + (STATIC / WORKER).read_text()
    return f"self.VERSION = {json.dumps(version(text))};\n{text}"


def version(text: str) -> str:
    """A hash of the worker's text, which has the hashes of all files: it changes if and only if one of them does."""
    return sha256(text.encode()).hexdigest()[:VERSION_CHARACTERS]


def kept_files() -> list[Path]:
    found = sorted(path for pattern in KEPT for path in STATIC.glob(pattern))
    return [path for path in found if path != STATIC / WORKER]


def _hash_of(path: Path) -> str:
    found = path.stat()
    return _hash_of_content(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=1024)
def _hash_of_content(path: Path, _changed: int, _size: int) -> str:
    return sha256(path.read_bytes()).hexdigest()
