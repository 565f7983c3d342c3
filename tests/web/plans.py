"""The campaign's form, filled in; and what a page says beside its fields."""

import re
from html import unescape
from typing import Any

from tests.cast import Cast

ERROR = re.compile(r'<span class="error" id="([\w-]+)-error">([^<]+)</span>')


def filled(cast: Cast, **changes: Any) -> dict[str, Any]:
    """A form that can be saved, with these fields as they say; None leaves one out."""
    plain: dict[str, Any] = {
        "name": "Winter gifts",
        "title_en": "A warm croissant",
        "description_en": "Straight from the oven.",
        "terms_en": "One for each order.\nNot with other offers.",
        "title_ru": "Тёплый круассан",
        "description_ru": "",
        "terms_ru": "",
        "partners": [cast.north_partner],
        "stores": [cast.south],
        "redeem_until": "2030-01-31",
        "valid_days": "30",
        "currency": "RUB",
        "value": "350.50",
        "handling_fee": "15",
        "funding": "issuer",
        "policy": "held_only",
        "undo_minutes": "30",
    }
    return {name: value for name, value in (plain | changes).items() if value is not None}


def faults(text: str) -> dict[str, str]:
    return {name: unescape(words) for name, words in ERROR.findall(text)}
