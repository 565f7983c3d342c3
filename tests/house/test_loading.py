"""The rules can be asked without the rest of the program: importing them loads no framework, and none of our packages but what they name.

The import contracts say which file may import which; this is what a process has loaded in the end.
"""

import json
import subprocess
import sys

import pytest

from redeem.lib.files import ROOT

PYDANTIC = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}
BELOW = ("redeem.domain.", "redeem.lib.")
SCRIPT = """
import json, sys
before = set(sys.modules)
import {module}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def loaded_by(module: str) -> list[str]:
    """What a new process loads for this import, besides what it had loaded for itself."""
    command = [sys.executable, "-c", SCRIPT.format(module=module)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, timeout=60)
    names: list[str] = json.loads(done.stdout)
    return names


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    return loaded_by("redeem.domain.rules")


def test_the_rules_load_nothing_foreign_but_pydantic(loaded):
    foreign = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"redeem"}
    assert {name for name in foreign if not name.startswith("_sysconfigdata")} <= PYDANTIC


def test_the_rules_load_of_ours_only_what_is_pure(loaded):
    ours = [name for name in loaded if name.startswith("redeem.") and name not in ("redeem.domain", "redeem.lib")]
    assert "redeem.domain.rules" in ours
    assert [name for name in ours if not name.startswith(BELOW)] == []


def test_the_package_itself_loads_nothing():
    assert (ROOT / "redeem" / "__init__.py").read_text() == ""
    assert loaded_by("redeem") == ["redeem"]


def test_a_framework_would_be_noticed():
    assert {"redeem.lib.links", "itsdangerous"} <= set(loaded_by("redeem.lib.links"))
