"""Writes the vectors that Python and JavaScript are both held to: `python -m tests.vectors.make`.

What each vector expects is said by hand beside it; nothing here asks the code under test. A test writes them again
and finds the files unchanged.
"""

import json
from pathlib import Path
from typing import Any

from tests.vectors import of_bitmaps, of_codes, of_names, of_rules, of_tokens

FOLDER = Path(__file__).parent
MAKERS = {
    "tokens": of_tokens.vectors,
    "rules": of_rules.vectors,
    "codes": of_codes.vectors,
    "names": of_names.vectors,
    "bitmaps": of_bitmaps.vectors,
}


def written(name: str) -> str:
    """The text of one file of vectors: one vector a line, so that a change shows as one line."""
    return _text(MAKERS[name]())


def _text(sections: dict[str, Any]) -> str:
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {_section(value)}" for name, value in sections.items()) + "\n}\n"


def _section(value: Any) -> str:
    if not isinstance(value, list):
        return json.dumps(value)
    return "[\n" + ",\n".join("  " + json.dumps(each) for each in value) + "\n]"


def main() -> None:
    for name in MAKERS:
        (FOLDER / f"{name}.json").write_text(written(name), encoding="utf-8")


if __name__ == "__main__":
    main()
