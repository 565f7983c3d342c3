"""Two linters that others check a document with find nothing in ours. What is off in their rule sets stands there with its reason."""

import subprocess
from pathlib import Path

from redeem.lib.files import ROOT

HERE = Path(__file__).parent
TOOLS = ROOT / "node_modules" / ".bin"


def test_redocly_finds_nothing(document):
    assert run(["node", HERE / "lint.js", HERE / "redocly.yaml", document]) == (0, "")


def test_spectral_finds_nothing(document):
    told = run(
        [TOOLS / "spectral", "lint", "--quiet", "--fail-severity=hint", f"--ruleset={HERE / 'spectral.yaml'}", document]
    )
    assert told == (0, "")


def run(command: list[str | Path]) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)
    return done.returncode, done.stdout + done.stderr
