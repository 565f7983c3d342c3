"""Bodies for every call of /v1 that takes one: one that is right, and many that differ from it in one thing that is wrong."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from json import dumps
from typing import Any

from tests.cast import Cast
from tests.factories import Issued

EMOJI = "🎁" * 40_000
HUGE = 10**30
WRONG = {
    "an object": {"x": {}},
    "a list": [[1]],
    "a huge integer": HUGE,
    "a fraction": 0.5,
    "40,000 emoji": EMOJI,
    "NUL within": "a\0b",
}
# What stands for a value in the text, where no JSON encoder would write it.
WRITTEN = {
    "NaN": "NaN",
    "infinity": "1e999",
    "5,000 digits": "9" * 5000,
    "a lone surrogate": '"\\udfff"',
    "deep nesting": "[" * 5000 + "]" * 5000,
    "an object with a key twice": '{"a":1,"a":1}',
}
HERE = "put it here"
# A scanner may see anything at all: what is no coupon is answered as one that is unknown, and that answer is kept.
ANY_TEXT = {"token", "short_code"}
NOBODY = "whe_01J00000000000000000000000"
# Of a till's earlier answer only what is needed is looked at: a later release may have said more.
OPEN = {"answer"}


@dataclass(frozen=True)
class Call:
    """A call that changes something, whose key may make it, and a body that is right for it."""

    path: str
    method: str
    till: bool
    body: Any


def calls(cast: Cast, coupon: Issued) -> dict[str, Call]:
    """By the operation's id."""
    price = {"amount": 35_000, "currency": "RUB"}
    risk = {"policy": "at_risk", "coupons": 3, "value": 100_000, "hours": 8, "bearer": "issuer"}
    windows = {
        "issue": {"from": "2026-01-01", "until": "2030-01-01"},
        "redeem": {"from": "2026-01-01"},
        "valid_days": 9,
    }
    offer = {"title": "A cake", "description": "Warm", "terms": "One each.", "picture": "https://shop.example/1.png"}
    terms = {"offer": {"en": offer}, "windows": windows, "partners": [cast.north_partner], "stores": [cast.south]}
    terms |= {"value": price, "handling_fee": price, "funding": "issuer", "offline": risk, "undo_minutes": 5}
    campaign = {"name": "Winter"} | terms
    # A coupon is out: what was promised with it stays.
    both = {"partners": [cast.north_partner, cast.south_partner], "windows": {"issue": windows["issue"]}}
    change = {"name": "Winter", "offer": terms["offer"], "undo_minutes": 5, "stopped": True} | both
    answered = {"id": "rdm_01J00000000000000000000000", "coupon": coupon.id, "redeemed_at": "2026-01-01T00:00:00Z"}
    store = {
        "partner": cast.north_partner,
        "name": "New",
        "time_zone": "Europe/Moscow",
        "address": "1",
        "hours": "9–18",
    }
    order = {"campaign": f"cmp_{cast.anywhere}", "order_ref": "7", "home_store": cast.north, "metadata": {"a": "b"}}
    item = {"order_ref": "7", "line": "1", "home_store": cast.north, "metadata": {"a": "b"}}
    endpoint = {"url": "https://shop.example/hook", "description": "Our programs", "types": ["coupon.redeemed"]}
    address, scan = f"/v1/coupons/{coupon.id}", {"token": coupon.token}
    return {
        "create_campaign": Call("/v1/campaigns", "POST", False, campaign),
        "patch_campaign": Call(f"/v1/campaigns/cmp_{cast.anywhere}", "PATCH", False, change),
        "issue_coupon": Call("/v1/coupons", "POST", False, order),
        "move_home": Call(f"{address}/home", "POST", False, {"store": cast.north}),
        "void_coupon": Call(f"{address}/void", "POST", False, {"reason": "The order was returned"}),
        "say_coupon_again": Call(
            "/v1/restores/1/coupons",
            "POST",
            False,
            {
                "token": coupon.token,
                "short_code": coupon.short_code,
                "order_ref": "7",
                "line": "1",
                "metadata": {"a": "b"},
            },
        ),
        "create_batch": Call(f"/v1/campaigns/cmp_{cast.anywhere}/batches", "POST", False, {"items": [item]}),
        "add_endpoint": Call("/v1/webhook-endpoints", "POST", False, endpoint),
        "patch_endpoint": Call(f"/v1/webhook-endpoints/{NOBODY}", "PATCH", False, endpoint),
        "rotate_secret": Call(f"/v1/webhook-endpoints/{NOBODY}/rotate", "POST", False, {"hours": 1}),
        "resend_events": Call(f"/v1/webhook-endpoints/{NOBODY}/resend", "POST", False, {"event": "evt_1"}),
        "refund_order": Call("/v1/orders/7/refund", "POST", False, {"lines": ["1", "2"], "reason": "Returned"}),
        "add_partner": Call("/v1/partners", "POST", False, {"name": "New"}),
        "patch_partner": Call(f"/v1/partners/{cast.north_partner}", "PATCH", False, {"name": "New"}),
        "patch_store": Call(f"/v1/stores/{cast.north}", "PATCH", False, {**store, "partner": cast.north_partner}),
        "add_store": Call("/v1/stores", "POST", False, store),
        "say_again": Call("/v1/recovery/redemptions", "POST", True, {"request": scan, "answer": answered}),
        "redeem_coupon": Call("/v1/redemptions", "POST", True, scan),
        "reverse_redemption": Call(f"/v1/redemptions/{answered['id']}/reverse", "POST", True, {"reason": "A mistake"}),
        "verify_coupon": Call("/v1/verifications", "POST", True, scan),
    }


def spoilt(body: Any) -> Iterator[tuple[str, bytes]]:
    """What is wrong and where, and the body with that alone."""
    for place in sorted(places(body), key=str):
        for what, value in WRONG.items():
            if not (place[-1:] and place[-1] in ANY_TEXT and value == WRONG["NUL within"]):
                yield f"{what} at {place}", dumps(replaced(body, place, value), ensure_ascii=False).encode()
        for what, text in WRITTEN.items():
            yield f"{what} at {place}", dumps(replaced(body, place, HERE)).replace(f'"{HERE}"', text).encode()
        here = at(body, place)
        if isinstance(here, dict) and not OPEN & set(place):
            yield f"an unknown member of {place}", dumps(replaced(body, place, {**here, "unknown": 1})).encode()
            member = dumps(here)[1:-1]
            twice = dumps(replaced(body, place, HERE)).replace(f'"{HERE}"', f"{{{member}, {member}}}")
            yield f"each member of {place} twice", twice.encode()


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to everything within, and to the whole."""
    yield here
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inside:
        yield from places(each, (*here, name))


def at(body: Any, place: tuple[Any, ...]) -> Any:
    for step in place:
        body = body[step]
    return body


def replaced(body: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    changed = deepcopy(body)
    at(changed, place[:-1])[place[-1]] = value
    return changed
