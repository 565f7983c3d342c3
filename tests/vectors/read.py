"""Reads the vectors for the Python tests."""

import json
from pathlib import Path
from typing import Any


def vectors(name: str) -> dict[str, Any]:
    """One file of vectors: `tokens`, `rules`, `codes`, `names` or `bitmaps`."""
    text = (Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def named(cases: list[dict[str, Any]]) -> dict[str, Any]:
    """Arguments of `pytest.mark.parametrize` that run one test a vector, under its own name."""
    return {"argnames": "case", "argvalues": cases, "ids": [case["name"] for case in cases]}
