"""GET /clerk/, its manifest and its service worker."""

import json
import re
from hashlib import sha256
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from redeem.web.clerk import assets


def test_the_page_names_nothing_of_another_host(client):
    text = client.get("/clerk/").text
    assert 'src="/clerk/static/clerk/start.js"' in text
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
    assert "style=" not in text
    assert "<script>" not in text


def test_the_manifest_has_an_id_and_icons_of_their_size(client):
    answer = client.get("/clerk/manifest.webmanifest")
    assert answer.mimetype == "application/manifest+json"
    told = json.loads(answer.data)
    assert (told["id"], told["start_url"], told["scope"]) == ("/clerk/", "/clerk/", "/clerk/")
    for icon in told["icons"]:
        width, height = Image.open(BytesIO(client.get(icon["src"]).data)).size
        assert icon["sizes"] == f"{width}x{height}"
    assert {icon["purpose"] for icon in told["icons"]} == {"any", "maskable"}


def said(text: str, name: str) -> Any:
    """What the server has set at the beginning of sw.js."""
    line = next(line for line in text.splitlines() if line.startswith(f"self.{name} = "))
    return json.loads(line.removeprefix(f"self.{name} = ").removesuffix(";"))


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_service_worker_names_files_that_are_there_and_their_hashes(client, language):
    answer = client.get("/clerk/sw.js")
    assert answer.mimetype == "text/javascript"
    files = said(answer.text, "FILES")
    assert len(files) > 30
    for path, hashes in files.items():
        assert path.startswith("/clerk/"), "outside of the service worker's scope"
        got = client.get(path, headers={"Accept-Language": language})
        assert got.status_code == 200, path
        assert sha256(got.data).hexdigest() in hashes, path


def test_the_service_worker_is_the_same_for_everybody(client):
    english, russian = (client.get("/clerk/sw.js", headers={"Accept-Language": code}).text for code in ("en", "ru"))
    assert english == russian


def test_the_service_worker_serves_all_with_the_headers_of_the_server(client):
    headers = said(client.get("/clerk/sw.js").text, "HEADERS")
    assert "Content-Security-Policy" in headers
    for path in ("/clerk/", "/clerk/static/clerk/storage/journal-worker.js"):
        served = client.get(path).headers
        assert {name: served[name] for name in headers} == headers


def test_every_script_of_the_tablet_is_kept():
    files = {path for path in (assets.STATIC / "clerk").rglob("*") if path.is_file()}
    assert files - set(assets.kept_files()) == {assets.STATIC / assets.WORKER}


def test_the_version_changes_with_any_file_page_or_header_and_only_then(tmp_path, monkeypatch):
    (tmp_path / "clerk").mkdir()
    for name in ("clerk/main.js", "clerk/sw.js"):
        (tmp_path / name).write_text("one")
    monkeypatch.setattr(assets, "STATIC", tmp_path)

    def version(page: bytes = b"page", policy: str = "none") -> str:
        return str(said(assets.service_worker({"/clerk/": [page]}, {"Policy": policy}, "/clerk/static/"), "VERSION"))

    first = version()
    (tmp_path / "clerk/main.js").write_text("one")
    assert version() == first
    seen = {first, version(page=b"another"), version(policy="another")}
    for name in ("clerk/main.js", "clerk/sw.js"):
        (tmp_path / name).write_text("another")
        seen.add(version())
    assert len(seen) == 5
