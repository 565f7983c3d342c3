"""A client that openapi-python-client makes of the document does all that a shop and a till do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GENERATE = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning", "--meta", "none"]


@pytest.mark.slow
def test_a_shop_and_a_till_in_python(document, told, tmp_path):
    made = tmp_path / "redeem_client"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # the generator formats what it makes with ruff
    run(
        [*GENERATE, f"--path={document}", f"--config={HERE / 'python.yaml'}", f"--output-path={made}"],
        {"PATH": path},
    )
    run([sys.executable, "-W", "error", str(HERE / "scenario.py"), *told], {"PYTHONPATH": str(tmp_path)})


def run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
