"""Languages: every sentence that a page can say is in every catalogue, whole, with the same blanks to fill in."""

import re
from io import BytesIO

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from redeem.web.problems import KINDS
from scripts import translate

BLANKS = re.compile(r"%\((\w+)\)s|\{(\w+)\}")
TAGS = re.compile(r"[<>]")


def catalogue(language: str) -> Catalog:
    return read_po(
        BytesIO((translate.TRANSLATIONS / language / "LC_MESSAGES" / "messages.po").read_bytes()), locale=language
    )


def forms(string) -> tuple[str, ...]:
    return tuple(string) if isinstance(string, tuple | list) else (string or "",)


def named(message: Message) -> tuple[str, str]:
    """What a sentence is translated by: its words, and what they are of where that is said."""
    return forms(message.id)[0], message.context or ""


@pytest.mark.parametrize("language", translate.LANGUAGES)
def test_every_sentence_is_translated(language):
    translated = {named(message) for message in catalogue(language) if message.id and all(forms(message.string))}
    said = {named(message) for message in translate.template() if message.id}
    assert sorted(said - translated) == []


@pytest.mark.parametrize("language", translate.LANGUAGES)
def test_no_translation_is_of_a_sentence_that_nobody_says(language):
    said = {named(message) for message in translate.template() if message.id}
    assert sorted({named(message) for message in catalogue(language) if message.id} - said) == []


@pytest.mark.parametrize("language", translate.LANGUAGES)
def test_translations_fill_in_the_same_blanks(language):
    for message in catalogue(language):
        wanted = set(BLANKS.findall(forms(message.id)[-1]))
        for form in forms(message.string) if message.id else ():
            assert set(BLANKS.findall(form)) == wanted, message.id


@pytest.mark.parametrize("language", translate.LANGUAGES)
def test_no_translation_brings_markup(language):
    assert [
        message.id for message in catalogue(language) if message.id and TAGS.search("".join(forms(message.string)))
    ] == []


@pytest.mark.parametrize("language", translate.LANGUAGES)
def test_the_compiled_catalogue_is_of_these_words(language):
    compiled = BytesIO()
    write_mo(compiled, catalogue(language))
    path = translate.TRANSLATIONS / language / "LC_MESSAGES" / "messages.mo"
    assert path.read_bytes() == compiled.getvalue(), "run python -m scripts.translate"


def test_the_tablet_s_words_are_of_these_catalogues():
    script = translate.words_script({language: catalogue(language) for language in translate.LANGUAGES})
    assert script == translate.WORDS.read_text(), "run python -m scripts.translate"


def test_the_page_of_errors_has_the_declines_words():
    page = translate.ERRORS_PAGE.read_text()
    assert translate.errors_page(page) == page, "run python -m scripts.translate"
    assert page.count("\n| `") == len(KINDS)


def test_what_scripts_say_is_collected():
    source = """
      t("Plain"); t(
        "On its own line, \\"quoted\\"", { n: 1 }); tn("{n} gift", "{n} gifts", n); set("Not said"); t(name)
    """
    said = ["Plain", 'On its own line, "quoted"', ("{n} gift", "{n} gifts")]
    assert list(translate.said_in_script(source)) == said


def test_what_errors_say_is_collected():
    source = """
class Late(Conflict):
    default_detail = "It is too late."

def f():
    raise Invalid("Write a name.", errors=[])
    raise Invalid(f"not {this}")
"""
    assert [message for _, message in translate.said_by_errors(source)] == ["It is too late.", "Write a name."]
