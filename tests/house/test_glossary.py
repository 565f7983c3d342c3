"""The glossary is true: what it names is in the code, each word stands for one thing, and screens have no word that it rules out."""

import re
from collections import Counter
from collections.abc import Sequence

import pytest
from babel.messages.pofile import read_po

from redeem.lib.files import ROOT
from tests.house.checks import lines_with, ours, texts

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
TERMS, RULED_OUT = GLOSSARY.split("\n## Words we do not use\n")
NAMED = re.compile(r"(table|class) `(\w+)`")
SOURCES = "\n".join(texts(path for path in ours("redeem") if path.suffix == ".py").values())
TEMPLATES = texts(path for path in ours("templates") if path.suffix == ".html")
NO_SCREEN = "only in the code"
# What a button must not say that only closes a dialog: it says "Back", or what stays as it is.
DISMISSING = ("Cancel", "Отмена")


def cells(text: str) -> list[list[str]]:
    """The rows of a document's tables, without their headings."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line] for line in lines]
    return [row for row in rows if row[0] not in ("English", "not")]


def looked_for() -> list[str]:
    return [word for row in cells(RULED_OUT) for word in re.findall(r"`([^`]+)`", row[-1])]


def beginning(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(word)}", re.IGNORECASE)


def said_on_screens() -> dict[str, str]:
    """Each sentence, with its plural and its translations beside it."""
    with (ROOT / "translations" / "ru" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale="ru")
    told = [[*forms(message.id), *forms(message.string)] for message in catalogue if message.id]
    return {first: " ".join([first, *others]) for first, *others in told}


def forms(string: str | Sequence[str] | None) -> list[str]:
    return [string] if isinstance(string, str) else list(string or ())


SCREENS = said_on_screens()


def sentences_with(word: str, screens: dict[str, str]) -> list[str]:
    return [sentence for sentence, whole in screens.items() if beginning(word).search(whole)]


@pytest.mark.parametrize(("what", "name"), sorted(set(NAMED.findall(TERMS))))
def test_what_it_names_is_in_the_code(what, name):
    written = rf'__tablename__ = "{name}"' if what == "table" else rf"^class {name}\b"
    assert re.search(written, SOURCES, re.MULTILINE)


@pytest.mark.parametrize("language", [0, 1], ids=["English", "Russian"])
def test_each_word_stands_for_one_thing(language):
    words = [word.strip() for row in cells(TERMS) for word in re.sub(r"\([^)]*\)", "", row[language]).split(",")]
    repeated = [word for word, times in Counter(words).items() if times > 1 and not word.startswith(NO_SCREEN)]
    assert len(words) > 50
    assert repeated == []


@pytest.mark.parametrize("word", looked_for())
def test_no_screen_has_a_word_that_is_ruled_out(word):
    assert sentences_with(word, SCREENS) == []


@pytest.mark.parametrize("word", looked_for())
def test_no_template_has_it_either(word):
    assert lines_with(beginning(word), TEMPLATES) == []


def test_many_words_are_looked_for():
    assert len(looked_for()) > 50


@pytest.mark.parametrize("word", DISMISSING)
def test_nothing_is_closed_with_cancel(word):
    assert [first for first, whole in SCREENS.items() if word in (first, whole.removeprefix(first).strip())] == []


# Would these notice?


@pytest.mark.parametrize(
    ("word", "breach"),
    [
        ("voucher", "Show your Vouchers"),
        ("погаш", "Купон погашен"),
        ("право выда", "Право выдать этот подарок"),
        ("gift card", "A gift card for you"),
        ("магазин", "Спросите в другом магазине"),
    ],
)
def test_a_breach_is_found(word, breach):
    assert word in looked_for()
    assert sentences_with(word, {"A sentence": breach}) == ["A sentence"]


@pytest.mark.parametrize(("word", "sentence"), [("спор", "Паспорт"), ("магазин", "Спросите интернет-магазин")])
def test_another_word_that_only_holds_it_is_not_found(word, sentence):
    assert sentences_with(word, {"A sentence": sentence}) == []
