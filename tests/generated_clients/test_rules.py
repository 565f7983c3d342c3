"""Two linters that others check a document with find nothing in ours. What is off in their rule sets stands there with its reason."""

import subprocess
from pathlib import Path

from redeem.lib.files import ROOT

HERE = Path(__file__).parent
SPECTRAL: list[str | Path] = [ROOT / "node_modules" / ".bin" / "spectral", "lint", "--quiet", "--fail-severity=hint"]


def test_redocly_finds_nothing(document):
    assert_silent(["node", HERE / "lint.js", HERE / "redocly.yaml", document])


def test_spectral_finds_nothing(document):
    assert_silent([*SPECTRAL, f"--ruleset={HERE / 'spectral.yaml'}", document])


def assert_silent(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout + done.stderr == ""
