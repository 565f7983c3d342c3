"""Who sees what of a coupon. Its token, link and short code are the gift itself: whoever has one of them can have it.

An undo makes a given coupon good again, so no state of a coupon makes them harmless, and none is looked at here.
"""

from collections.abc import Mapping
from enum import StrEnum
from json import dumps

from redeem.lib.strictjson import loads

SHOWN_CHARACTERS = 4
HIDDEN = "•"
HIDDEN_CHARACTERS = 8
BEARERS_MEMBERS = ("coupon", "typed")  # of a tablet's entry: what the coupon's bearer showed


class Audience(StrEnum):
    """Who reads."""

    BEARER = "bearer"  # whoever shows the coupon: its customer, and the device to which it is shown
    ISSUER = "issuer"  # a program of the shop with the scope `issue`, and the operator
    READER = "reader"  # a program of the shop that reads alone
    SHOP_MANAGER = "shop_manager"
    AUDITOR = "auditor"  # of the whole shop
    PARTNER = "partner"  # managers and auditors of a partner or a store, which owns the tablets, tills and staff that could use a code


class Field(StrEnum):
    """What is read."""

    TOKEN = "token"  # noqa: S105  (a name)
    LINK = "link"
    SHORT_CODE = "short_code"
    ENTRY = "entry"  # the text of a tablet's entry, which may have a token or a short code in it
    ORDER_REF = "order_ref"
    VOID_REASON = "void_reason"


class Sight(StrEnum):
    """How much of a field is seen: all of it, what tells two coupons apart, or nothing."""

    WHOLE = "whole"
    MASKED = "masked"
    NOTHING = "nothing"


_W, _M, _N = Sight.WHOLE, Sight.MASKED, Sight.NOTHING
SIGHTS: Mapping[Audience, tuple[Sight, ...]] = {  # in the order of Field
    Audience.BEARER: (_W, _W, _W, _N, _N, _N),
    Audience.ISSUER: (_W, _W, _W, _N, _W, _W),
    Audience.READER: (_N, _N, _N, _N, _W, _W),
    Audience.SHOP_MANAGER: (_M, _N, _M, _M, _W, _W),
    Audience.AUDITOR: (_M, _N, _M, _M, _W, _W),
    # Tablets are told a hash of the codes that they hold. With four characters beside it a partner would have few codes left to try.
    Audience.PARTNER: (_N, _N, _N, _M, _N, _N),
}


def sight(audience: Audience, field: Field) -> Sight:
    return SIGHTS[audience][list(Field).index(field)]


def disclose(audience: Audience, field: Field, value: str | None) -> str | None:
    """Return what this audience sees of a value, None if it sees nothing. `value` is as it is stored, not grouped."""
    seen = sight(audience, field)
    if value is None or seen is Sight.NOTHING:
        return None
    if seen is Sight.WHOLE:
        return value
    return masked_entry(value) if field is Field.ENTRY else masked(value)


def masked(value: str) -> str:
    """Return the last characters of a value behind dots. A value that is too short for that is all dots."""
    shown = value[-SHOWN_CHARACTERS:] if len(value) > 2 * SHOWN_CHARACTERS else ""
    return HIDDEN * (HIDDEN_CHARACTERS if shown else len(value)) + shown


def masked_entry(text: str) -> str:
    """Return the entry without the token or the short code in it. Its signature is over the whole text, so this one proves nothing."""
    hidden = dict.fromkeys(BEARERS_MEMBERS, HIDDEN * HIDDEN_CHARACTERS)
    body = loads(text)
    return dumps({name: hidden.get(name, value) for name, value in body.items()}, ensure_ascii=False)
