"""What others wrote and we serve is exactly what static/vendor/VENDOR.json lists."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from redeem.lib.files import ROOT

VENDOR = ROOT / "static" / "vendor"
PACKAGES: list[dict[str, Any]] = json.loads((VENDOR / "VENDOR.json").read_text())["packages"]
FOLDERS = [package["folder"] for package in PACKAGES]


def differences(folder: Path, listed: dict[str, str]) -> list[str]:
    """Say what is wrong with a folder: a file that is not listed, one that is missing, one that is not as listed."""
    present = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    unlisted = [f"{name} is not listed" for name in sorted(present.keys() - listed.keys())]
    missing = [f"{name} is missing" for name in sorted(listed.keys() - present.keys())]
    altered = [
        f"{name} is not as listed"
        for name in sorted(present.keys() & listed.keys())
        if hashlib.sha256(present[name].read_bytes()).hexdigest() != listed[name]
    ]
    return unlisted + missing + altered


@pytest.mark.parametrize("package", PACKAGES, ids=FOLDERS)
def test_each_file_has_the_hash_in_the_list(package):
    assert differences(VENDOR / package["folder"], package["sha256"]) == []


@pytest.mark.parametrize("package", PACKAGES, ids=FOLDERS)
def test_each_package_brings_its_licence_and_names_its_source(package):
    assert "LICENSE" in package["sha256"]
    assert package["folder"] == f"{package['name']}-{package['version']}"
    assert package["source"].startswith("npm:")
    assert package["source"].endswith(f"@{package['version']}")
    assert package["licence"]
    assert package["why"]


def test_nothing_else_lies_in_the_vendor_folder():
    assert sorted(path.name for path in VENDOR.iterdir()) == sorted([*FOLDERS, "VENDOR.json"])


def test_a_changed_a_missing_and_an_unlisted_file_are_each_found(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.js").write_text("changed")
    (tmp_path / "c.js").write_text("new")
    assert differences(tmp_path, {"deep/a.js": "0" * 64, "b.js": "0" * 64}) == [
        "c.js is not listed",
        "b.js is missing",
        "deep/a.js is not as listed",
    ]


def test_our_code_names_only_versions_that_are_here():
    ours = [path for folder in ("redeem", "static", "templates") for path in (ROOT / folder).rglob("*.*")]
    texts = [path.read_text() for path in ours if path.suffix in {".py", ".js", ".html"} and VENDOR not in path.parents]
    named = {name for text in texts for name in re.findall(r"vendor/([a-z0-9-]+-\d[\d.]*\d)/", text)}
    assert named <= set(FOLDERS)
