"""GET /clerk/, its manifest and its service worker."""

import json
import re
from io import BytesIO

from PIL import Image

from redeem.web.clerk import assets


def test_the_page_names_nothing_of_another_host(client):
    text = client.get("/clerk/").text
    assert 'src="/clerk/static/clerk/main.js"' in text
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


def test_the_service_worker_keeps_files_that_are_there(client):
    answer = client.get("/clerk/sw.js")
    assert answer.mimetype == "text/javascript"
    listed = next(line for line in answer.text.splitlines() if line.startswith("self.FILES = "))
    files = json.loads(listed.removeprefix("self.FILES = ").removesuffix(";"))
    assert len(files) == len(set(files)) > 30
    for path in files:
        assert path.startswith("/clerk/"), "outside of the service worker's scope"
        assert client.get(path).status_code == 200, path


def test_every_script_of_the_tablet_is_kept():
    files = {path for path in (assets.STATIC / "clerk").rglob("*") if path.is_file()}
    assert files - set(assets.kept_files()) == {assets.STATIC / assets.WORKER}


def test_the_version_changes_with_any_file_and_only_then(tmp_path, monkeypatch):
    static = tmp_path / "static"
    for folder in ("static/clerk", "templates/clerk", "redeem/web/clerk"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("static/clerk/main.js", "static/clerk/sw.js", *assets.PAGE):
        (tmp_path / name).write_text("one")
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    monkeypatch.setattr(assets, "STATIC", static)
    first = assets.version()
    (static / "clerk/main.js").write_text("one")
    assert assets.version() == first
    seen = {first}
    for name in ("static/clerk/main.js", "static/clerk/sw.js", *assets.PAGE):
        (tmp_path / name).write_text("another")
        seen.add(assets.version())
    assert len(seen) == 6
