"""Clean the names that people type and the texts that they paste."""

import re

from redeem.lib.errors import Invalid

LONG_NAME_CHARACTERS = 120

# What nobody sees, as a class for a regular expression: controls, blanks of any width, marks of direction and order, joiners.
UNSEEN = r"\x00-\x20\x7f-\xa0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufe0e\ufe0f\ufeff"
_UNSEEN_ENDS = re.compile(f"^[{UNSEEN}]+|[{UNSEEN}]+$")


def trimmed(text: str) -> str:
    """Return the text without what nobody sees at its ends: pages, mails and scanners add it to what is copied."""
    return _UNSEEN_ENDS.sub("", text)


def clean_name(name: str, limit_characters: int = 80) -> str:
    """Return the name on one line, with each run of white space as one space. Raises Invalid if it is empty, too long or unprintable."""
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > limit_characters or not cleaned.isprintable():
        raise Invalid(f"Give a name of 1 to {limit_characters} characters on one line.")
    return cleaned


def clean_line(text: str, limit_characters: int) -> str:
    """Return the text on one line, as `clean_name` does, except that it may be empty. Raises Invalid."""
    return clean_name(text, limit_characters) if text.split() else ""
