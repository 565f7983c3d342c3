"""Fetch what static/vendor/ holds and write its list, VENDOR.json.

Run by hand (`.venv/bin/python -m scripts.vendor`) when a version below changes; nothing else runs it. Each package comes
from the npm registry by exact version, and only the files named here are kept. tests/house/test_vendor.py hashes them again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import files as distribution_files
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"


@dataclass(frozen=True)
class Package:
    """One npm package: `keep` maps a path inside it to a path inside our folder."""

    folder: str
    npm: str
    version: str
    licence: str
    why: str
    keep: dict[str, str]
    extra: dict[str, Path] = field(default_factory=dict)


def zxing_cpp_licence() -> Path:
    """The licence of the C++ code inside zxing_reader.wasm; its npm package ships only that of the wrapper."""
    found = [file for file in distribution_files("zxing-cpp") or [] if file.name == "LICENSE"]
    return Path(str(found[0].locate()))


ZXING_BINDINGS = [
    "barcodeFormat",
    "barcodeSymbol",
    "binarizer",
    "characterSet",
    "contentType",
    "eanAddOnSymbol",
    "ecLevel",
    "exposedReaderBindings",
    "exposedWriterBindings",
    "index",
    "position",
    "readResult",
    "readerOptions",
    "textMode",
    "vector",
    "writeResult",
    "writerOptions",
]

PACKAGES = (
    Package(
        folder="zxing-wasm",
        npm="zxing-wasm",
        version="3.1.4",
        licence="MIT AND Apache-2.0",
        why="reads QR codes from camera frames; BarcodeDetector is missing on most devices",
        keep={
            "LICENSE": "LICENSE",
            "dist/es/share.js": "share.js",
            "dist/es/share.d.ts": "share.d.ts",
            "dist/es/reader/index.js": "reader/index.js",
            "dist/es/reader/index.d.ts": "reader/index.d.ts",
            "dist/reader/zxing_reader.wasm": "reader/zxing_reader.wasm",
            **{f"dist/es/bindings/{name}.d.ts": f"bindings/{name}.d.ts" for name in ZXING_BINDINGS},
        },
        extra={"LICENSE-zxing-cpp": zxing_cpp_licence()},
    ),
    Package(
        folder="idb",
        npm="idb",
        version="8.0.4",
        licence="ISC",
        why="IndexedDB with promises, for the tablet's index and cache",
        keep={
            "LICENSE": "LICENSE",
            "build/index.js": "index.js",
            **{
                f"build/{name}.d.ts": f"{name}.d.ts"
                for name in ("index", "entry", "database-extras", "async-iterators")
            },
        },
    ),
    Package(
        folder="noble-ed25519",
        npm="@noble/ed25519",
        version="3.2.0",
        licence="MIT",
        why="verifies tokens where WebCrypto has no Ed25519; its SHA-512 is WebCrypto's, through the async calls",
        keep={"LICENSE": "LICENSE", "index.js": "index.js", "index.d.ts": "index.d.ts"},
    ),
    Package(
        folder="swagger-ui",
        npm="swagger-ui-dist",
        version="5.35.0",
        licence="Apache-2.0",
        why="the interactive API docs; of those tried the one that works under style-src 'self'",
        keep={
            "LICENSE": "LICENSE",
            "NOTICE": "NOTICE",
            "swagger-ui-bundle.js": "swagger-ui-bundle.js",
            "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-bundle.js.LICENSE.txt",
            "swagger-ui.css": "swagger-ui.css",
        },
    ),
    Package(
        folder="fonts-dejavu",
        npm="dejavu-fonts-ttf",
        version="2.37.3",
        licence="Bitstream-Vera",
        why="PDF pages in Latin and Cyrillic that look the same on every machine",
        keep={
            "LICENSE": "LICENSE",
            "ttf/DejaVuSans.ttf": "DejaVuSans.ttf",
            "ttf/DejaVuSans-Bold.ttf": "DejaVuSans-Bold.ttf",
        },
    ),
)


def fetch(package: Package, into: Path) -> tuple[Path, str]:
    """Unpack the package under `into`; returns its folder and npm's integrity value, which npm has checked."""
    spec = f"{package.npm}@{package.version}"
    answer = subprocess.run(["npm", "pack", "--json", spec], cwd=into, check=True, capture_output=True, text=True)
    packed = json.loads(answer.stdout)
    [facts] = packed.values() if isinstance(packed, dict) else packed
    target = into / package.folder
    with tarfile.open(into / facts["filename"]) as archive:
        archive.extractall(target, filter="data")
    [root] = target.iterdir()
    return root, facts["integrity"]


def place(package: Package, source: Path) -> Path:
    """Copy what is kept to static/vendor/<folder>-<version>/."""
    target = VENDOR / f"{package.folder}-{package.version}"
    origins = {new: source / old for old, new in package.keep.items()} | package.extra
    for new, origin in origins.items():
        (target / new).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin, target / new)
    return target


def hashes(folder: Path) -> dict[str, str]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def main() -> None:
    shutil.rmtree(VENDOR, ignore_errors=True)
    listed = []
    with tempfile.TemporaryDirectory() as scratch:
        for package in PACKAGES:
            source, integrity = fetch(package, Path(scratch))
            target = place(package, source)
            listed.append(
                {
                    "folder": target.name,
                    "name": package.folder,
                    "version": package.version,
                    "licence": package.licence,
                    "why": package.why,
                    "source": f"npm:{package.npm}@{package.version}",
                    "integrity": integrity,
                    "sha256": hashes(target),
                }
            )
    (VENDOR / "VENDOR.json").write_text(json.dumps({"packages": listed}, indent=2) + "\n")


if __name__ == "__main__":
    main()
