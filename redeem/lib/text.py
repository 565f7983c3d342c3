"""Names that people type: one line, trimmed, within a limit."""

from redeem.lib.errors import Invalid


def clean_name(name: str, limit_characters: int = 80) -> str:
    """One line, not empty, not too long; raises Invalid."""
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > limit_characters or not cleaned.isprintable():
        raise Invalid(f"Give a name of 1 to {limit_characters} characters on one line.")
    return cleaned
