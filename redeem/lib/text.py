"""Clean the names that people type."""

from redeem.lib.errors import Invalid

LONG_NAME_CHARACTERS = 120


def clean_name(name: str, limit_characters: int = 80) -> str:
    """Return the name on one line, with each run of white space as one space. Raises Invalid if it is empty, too long or unprintable."""
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > limit_characters or not cleaned.isprintable():
        raise Invalid(f"Give a name of 1 to {limit_characters} characters on one line.")
    return cleaned


def clean_line(text: str, limit_characters: int) -> str:
    """Return the text on one line, as `clean_name` does, except that it may be empty. Raises Invalid."""
    return clean_name(text, limit_characters) if text.split() else ""
