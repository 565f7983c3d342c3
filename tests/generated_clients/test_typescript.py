"""A shop and a till in TypeScript, by the types that openapi-typescript makes of the document: checked by tsc, run by Node."""

import shutil
import subprocess
from pathlib import Path

import pytest

from redeem.lib.files import ROOT

HERE = Path(__file__).parent
TOOLS = ROOT / "node_modules"
GENERATE = TOOLS / "typescript-client-tools" / "node_modules" / ".bin" / "openapi-typescript"


@pytest.mark.slow
def test_a_shop_and_a_till_in_typescript(document, told, tmp_path):
    made = tmp_path / "typescript"
    made.mkdir()
    (made / "package.json").write_text('{"type": "module"}')
    (made / "node_modules").symlink_to(TOOLS)
    for name in ("scenario.ts", "tsconfig.json"):
        shutil.copy(HERE / name, made)
    run([GENERATE, document, "--output", made / "redeem.ts"], made)
    run([TOOLS / ".bin" / "tsc", "-p", made / "tsconfig.json"], made)
    run(["node", made / "scenario.js", *told], made)


def run(command: list[str | Path], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
