"""Redeem's version. It stands in pyproject.toml and nowhere else."""

import tomllib

from redeem.lib.files import ROOT

VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
