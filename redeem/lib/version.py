"""Redeem's version, read from pyproject.toml."""

import tomllib

from redeem.lib.files import ROOT

VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
