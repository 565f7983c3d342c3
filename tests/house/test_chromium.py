"""Where the browser tests' browser comes from."""

import pytest

from tests import chromium


def test_a_missing_browser_is_said_plainly(monkeypatch):
    monkeypatch.delenv(chromium.PATH_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(chromium.ChromiumMissingError, match="scripts/system-packages test"):
        chromium.executable()


def test_a_browser_of_ones_own_comes_first(monkeypatch):
    monkeypatch.setenv(chromium.PATH_VARIABLE, "/opt/my/chromium")
    assert chromium.executable() == "/opt/my/chromium"


def test_only_root_goes_without_the_sandbox(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "--no-sandbox" not in chromium.arguments()
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert chromium.arguments("--mute-audio")[-2:] == ["--no-sandbox", "--mute-audio"]
