"""Documents name files and functions of ours: each is there under that name."""

import re

import pytest

from redeem.lib.files import ROOT
from tests.house.checks import ours, texts

FOLDERS = "redeem|static|templates|tests|docs|scripts|bench|protocol|migrations|translations"
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]*)`")
# A file and, behind a colon, what stands in it.
NAMES_OF = re.compile(rf"`((?:{FOLDERS})/[\w./-]+\.(?:py|js))`:((?:,?\s+`\w+`)+)")
DOCUMENTS = texts(path for path in [*ours("docs"), *ROOT.glob("*.md")] if path.suffix == ".md")


MADE_LATER = {"bench/results/"}  # by `make bench`; never committed


def missing_paths(text: str) -> list[str]:
    return [path for path in PATH.findall(text) if path not in MADE_LATER and not (ROOT / path).exists()]


def missing_names(text: str) -> list[str]:
    """Where the file itself is missing, that is told of its path."""
    named = [(path, name) for path, names in NAMES_OF.findall(text) for name in re.findall(r"\w+", names)]
    there = [(path, name) for path, name in named if (ROOT / path).exists()]
    return [f"{path}: {name}" for path, name in there if not re.search(rf"\b{name}\b", (ROOT / path).read_text())]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_path_that_a_document_names_is_there(name):
    assert missing_paths(DOCUMENTS[name]) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_function_that_a_document_names_is_in_its_file(name):
    assert missing_names(DOCUMENTS[name]) == []


def test_they_name_some():
    assert sum(len(PATH.findall(text)) for text in DOCUMENTS.values()) > 100
    assert sum(len(NAMES_OF.findall(text)) for text in DOCUMENTS.values()) > 20


def test_a_breach_is_found():
    text = "See `redeem/config.py`: `Settings`, `Absent`, and `redeem/nowhere.py`: `this`, and `redeem/web/`."
    assert missing_paths(text) == ["redeem/nowhere.py"]
    assert missing_names(text) == ["redeem/config.py: Absent"]
