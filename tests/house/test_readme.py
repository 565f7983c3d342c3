"""What users read is true: the README's tables are the program's own, links lead somewhere, and the quickstarts run as they stand."""

import os
import re
import subprocess
from pathlib import Path

import click
import pytest
from pydantic_core import PydanticUndefined

from redeem.config import Settings
from redeem.lib.files import ROOT
from redeem.ops.commands.managers import managers
from tests.commands import SECONDS, bare, started, until_ready
from tests.ports import kept_port

README = (ROOT / "README.md").read_text()
DOCUMENTS = {path.name: path.read_text() for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]}
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
NOT_IN_README = {"routes", "run", "shell", "spec"}  # Flask's own


def section(title: str) -> str:
    """A section of the README, up to the next heading."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    return cells[2:]


def test_the_settings_are_all_there_with_their_defaults():
    told = {row[0].strip("`"): row[1].strip("`") for row in rows(section("Settings"))}
    assert told == {f"REDEEM_{name.upper()}": default_of(name) for name in Settings.model_fields}


def default_of(name: str) -> str:
    default = Settings.model_fields[name].default
    if default is PydanticUndefined:
        return "refused"
    if default is None:
        return "none"
    if default == ():
        return "none"
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_the_commands_are_all_there(app):
    told = set(re.findall(r"`([a-z-]+)", " ".join(row[0] for row in rows(section("Commands")))))
    assert told == ({*app.cli.commands, "db", "demo"} - NOT_IN_README)
    assert isinstance(managers, click.Group)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_to_files(name):
    folder = ROOT if (ROOT / name).exists() else ROOT / "docs"
    assert [link for link in LINK.findall(DOCUMENTS[name]) if not (folder / link).exists()] == []


@pytest.mark.slow
def test_the_quickstarts_run_as_they_stand(tmp_path: Path):
    instance = tmp_path / "instance"
    with started(instance, "demo", PORT=str(kept_port())) as (_, lines):
        assert until_ready(lines)[-1].startswith("ready")
        shop = run(DOCUMENTS["shop-quickstart.md"], tmp_path)
        till = run(DOCUMENTS["till-quickstart.md"], tmp_path)
    assert shop[0].startswith("cmp_")
    assert shop[-1] == "void"
    assert "issued" in shop
    assert (tmp_path / "coupon.svg").read_text().startswith("<svg")
    assert till[0:2] == ["good", "expired"]
    assert till[2].startswith("rdm_")
    assert till[2] == till[3]
    assert till[5:8] == ["cancelled", "reversal", "good"]
    assert till[2] in "".join(till[8:])  # the day's list


def run(document: str, folder: Path) -> list[str]:
    """Every shell block of the document, as one script that stops at the first failure; answers its lines."""
    script = "set -eu\n" + "\n".join(SHELL.findall(document))
    environment = bare(folder) | {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()
