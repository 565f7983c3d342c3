"""What a line of text may have: one rule for what people type and for what programs send."""

import re

from redeem.lib.errors import Invalid

LONG_NAME_CHARACTERS = 120

# What nobody sees, as a class for a regular expression: controls, blanks of any width, marks of direction and order, joiners.
UNSEEN = r"\x00-\x20\x7f-\xa0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufe0e\ufe0f\ufeff"
# Controls and line separators, what is invisible, and what turns the direction of the text around it (bidi): a name with one could look
# like another. The joiners U+200C and U+200D are allowed, for emoji and for some languages are written with them. As the inside of a
# character class, for Python, Rust (pydantic) and JavaScript (the API's document) alike.
UNPRINTABLE = r"\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
LINE = f"^[^{UNPRINTABLE}]*$"
LINES = LINE.replace(r"\x00-\x1f", r"\x00-\x09\x0b-\x1f")  # with line feeds
FILLED_LINE = rf"^[^{UNPRINTABLE}]*[^\x20\xa0{UNPRINTABLE}][^{UNPRINTABLE}]*$"

_UNSEEN_ENDS = re.compile(f"^[{UNSEEN}]+|[{UNSEEN}]+$")
_UNPRINTABLE = re.compile(f"[{UNPRINTABLE}]")


def trimmed(text: str) -> str:
    """Return the text without what nobody sees at its ends: pages, mails and scanners add it to what is copied."""
    return _UNSEEN_ENDS.sub("", text)


def clean_name(name: str, limit_characters: int = 80) -> str:
    """Return the name on one line, with each run of white space as one space. Raises Invalid if it is empty, too long or unprintable."""
    cleaned = on_one_line(name)
    if not cleaned or len(cleaned) > limit_characters or _UNPRINTABLE.search(cleaned):
        raise Invalid(f"Give a name of 1 to {limit_characters} characters on one line.")
    return cleaned


def clean_line(text: str, limit_characters: int) -> str:
    """Return the text on one line, as `clean_name` does, except that it may be empty. Raises Invalid."""
    return clean_name(text, limit_characters) if text.split() else ""


def on_one_line(text: str) -> str:
    """Return the text with each run of white space as one space, and none around it."""
    return " ".join(text.split())


def printable(text: str) -> str:
    """Return the text without unprintable characters."""
    return _UNPRINTABLE.sub("", text)
