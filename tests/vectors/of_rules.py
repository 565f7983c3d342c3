"""Vectors of the rules: every set of reasons with the one that must win, every edge of every window."""

from datetime import UTC, date, datetime
from itertools import product
from typing import Any

# The order in which reasons win, said here once more by hand.
REASONS = ["already_redeemed", "void", "compromised_key", "wrong_store", "not_yet_valid", "expired", "held_elsewhere"]

NORTH, SOUTH, FOREIGN = (f"sto_0000000000000000000000000{letter}" for letter in "NSF")
BAKERY, CINEMA = (f"prt_0000000000000000000000000{letter}" for letter in "BC")
TABLET, OTHER_TABLET = (f"dev_0000000000000000000000000{letter}" for letter in "12")

OPENS, CLOSES = "2026-03-01", "2026-03-31"
FIRST = (date(2026, 3, 1) - date(2020, 1, 1)).days
LAST = (date(2026, 3, 31) - date(2020, 1, 1)).days
FOREVER = 65535


def terms(
    redeem: tuple[str | None, str | None] = (OPENS, CLOSES),
    issue: tuple[str | None, str | None] = (None, None),
    valid_days: int | None = None,
    stores: tuple[str, ...] = (NORTH,),
    partners: tuple[str, ...] = (),
) -> dict[str, Any]:
    """A campaign's terms in JSON."""
    return {
        "v": 1,
        "offer": {"en": {"title": "Warm socks"}},
        "windows": {"issue": _window(issue), "redeem": _window(redeem), "valid_days": valid_days},
        "partners": list(partners),
        "stores": list(stores),
        "value": {"amount": 35000, "currency": "RUB"},
        "handling_fee": {"amount": 0, "currency": "RUB"},
        "funding": "issuer",
    }


def vectors() -> dict[str, Any]:
    return {
        "about": "Why a coupon is declined, until when it is good, when it may be issued. Days since 2020-01-01.",
        "reasons": REASONS,
        "declines": [*_every_set_of_reasons(), *_stores(), *_windows(), *_holds()],
        "last_days": _last_days(),
        "issuing": _issuing(),
        "dates": _dates(),
        "local_days": _local_days(),
    }


def _window(days: tuple[str | None, str | None]) -> dict[str, str | None]:
    return {"from": days[0], "until": days[1]}


def _case(
    name: str,
    verdict: str | None,
    day: int,
    *,
    last_day: int = LAST,
    void: bool = False,
    redeemed: bool = False,
    held_by: str | None = None,
    compromised: bool = False,
    store: str = NORTH,
    device: str | None = TABLET,
    closed: bool = False,
    **of_terms: Any,
) -> dict[str, Any]:
    return {
        "name": name,
        "verdict": verdict,
        "day": day,
        "facts": {
            "last_day": last_day,
            "void": void,
            "redeemed": redeemed,
            "held_by": held_by,
            "compromised": compromised,
        },
        "place": {"store_id": store, "partner_id": BAKERY, "device_id": device, "closed": closed},
        "terms": terms(**of_terms),
    }


def _every_set_of_reasons() -> list[dict[str, Any]]:
    """All 128 sets of the seven reasons: the first of each set in the order above is the answer."""
    cases = []
    for applies in product([False, True], repeat=len(REASONS)):
        given = [reason for reason, does in zip(REASONS, applies, strict=True) if does]
        redeemed, void, compromised, wrong_store, early, late, held = applies
        day = FIRST - 1 if early else FIRST + 5
        cases.append(
            _case(
                " and ".join(given) or "nothing against it",
                given[0] if given else None,
                day,
                last_day=day - 1 if late else day,
                void=void,
                redeemed=redeemed,
                held_by=OTHER_TABLET if held else None,
                compromised=compromised,
                store=FOREIGN if wrong_store else NORTH,
            )
        )
    return cases


def _stores() -> list[dict[str, Any]]:
    return [
        _case("at a store listed", None, FIRST, stores=(SOUTH, NORTH)),
        _case("at a store of a partner listed", None, FIRST, stores=(), partners=(BAKERY,)),
        _case("at a store of a partner listed, beside other stores", None, FIRST, stores=(SOUTH,), partners=(BAKERY,)),
        _case("at a store listed, beside another partner", None, FIRST, partners=(CINEMA,)),
        _case("at another store of the partner", "wrong_store", FIRST, stores=(SOUTH,)),
        _case("at a store listed that is closed", "wrong_store", FIRST, closed=True),
        _case(
            "at a closed store of a partner listed", "wrong_store", FIRST, closed=True, stores=(), partners=(BAKERY,)
        ),
        _case("held by a device of a closed store", "wrong_store", FIRST, closed=True, held_by=TABLET),
        _case("given already, at a closed store", "already_redeemed", FIRST, closed=True, redeemed=True),
        _case("expired, at a closed store", "wrong_store", LAST + 1, closed=True),
        _case("at a store of another partner", "wrong_store", FIRST, stores=(), partners=(CINEMA,)),
    ]


def _windows() -> list[dict[str, Any]]:
    return [
        _case("the day before the window opens", "not_yet_valid", FIRST - 1),
        _case("the day that it opens", None, FIRST),
        _case("the day that the coupon ends", None, LAST),
        _case("the day after the coupon ends", "expired", LAST + 1),
        _case("a coupon of one day, on it", None, FIRST, last_day=FIRST),
        _case("a coupon of one day, the day after", "expired", FIRST + 1, last_day=FIRST),
        _case("a window that was always open", None, 0, redeem=(None, None), last_day=0),
        _case("before there were coupons", "not_yet_valid", -1, redeem=(None, None)),
        _case("a coupon that never ends", None, FOREVER, redeem=(None, None), last_day=FOREVER),
        _case("the day after never", "expired", FOREVER + 1, redeem=(None, None), last_day=FOREVER),
        _case("a campaign ended early doesn't shorten its coupons", None, LAST, redeem=(OPENS, "2026-03-10")),
        _case("a campaign prolonged doesn't lengthen them", "expired", LAST + 1, redeem=(OPENS, "2026-12-31")),
    ]


def _holds() -> list[dict[str, Any]]:
    return [
        _case("held by this device", None, FIRST, held_by=TABLET),
        _case("held by another device", "held_elsewhere", FIRST, held_by=OTHER_TABLET),
        _case("held by a device, shown at a till", "held_elsewhere", FIRST, held_by=TABLET, device=None),
        _case("held by nobody, shown at a till", None, FIRST, device=None),
    ]


def _last_days() -> list[dict[str, Any]]:
    cases: list[tuple[Any, ...]] = [
        ("no end at all", FOREVER, FIRST, {"redeem": (None, None)}),
        ("the window's end", LAST, FIRST, {}),
        ("so many days after the issue", FIRST + 10, FIRST, {"valid_days": 10}),
        ("so many days after the issue, without a window", 107, 100, {"redeem": (None, None), "valid_days": 7}),
        ("no further than the window", LAST, LAST - 3, {"valid_days": 10}),
        ("just as far as the window", LAST, LAST - 10, {"valid_days": 10}),
        ("one day short of the window", LAST - 1, LAST - 11, {"valid_days": 10}),
        ("counted from the opening, if issued before it", FIRST + 10, FIRST - 50, {"valid_days": 10}),
        ("no further than a token can say", FOREVER, 65530, {"redeem": (None, None), "valid_days": 10}),
    ]
    return [
        {"name": name, "last_day": day, "issue_day": issued, "terms": terms(**changes)}
        for name, day, issued, changes in cases
    ]


def _issuing() -> list[dict[str, Any]]:
    window = {"issue": (OPENS, "2026-03-10"), "redeem": (None, None)}
    cases: list[tuple[Any, ...]] = [
        ("without a window, at any time", True, 0, {"redeem": (None, None)}),
        ("the day before the window opens", False, FIRST - 1, window),
        ("the day that it opens", True, FIRST, window),
        ("the day that it closes", True, FIRST + 9, window),
        ("the day after it closes", False, FIRST + 10, window),
        ("before the redeem window opens", True, FIRST - 20, {}),
        ("the last day to redeem", True, LAST, {}),
        ("never one born expired", False, LAST + 1, {}),
    ]
    return [{"name": name, "can": can, "day": day, "terms": terms(**changes)} for name, can, day, changes in cases]


def _dates() -> list[dict[str, Any]]:
    return [
        {"date": "2020-01-01", "day": 0},
        {"date": "2020-02-29", "day": 59},
        {"date": "2020-12-31", "day": 365},
        {"date": "2021-01-01", "day": 366},
        {"date": "2026-03-01", "day": 2251},
        {"date": "2100-03-01", "day": 29279},
        {"date": "2199-06-06", "day": 65535},
    ]


def _local_days() -> list[dict[str, Any]]:
    cases: list[tuple[Any, ...]] = [
        ("2026-03-01T20:59:59.999Z", "Europe/Moscow", "2026-03-01"),
        ("2026-03-01T21:00:00.000Z", "Europe/Moscow", "2026-03-02"),
        ("2026-03-01T13:59:59.999Z", "Asia/Vladivostok", "2026-03-01"),
        ("2026-03-01T14:00:00.000Z", "Asia/Vladivostok", "2026-03-02"),
        ("2026-03-01T22:00:00.000Z", "Europe/Kaliningrad", "2026-03-02"),
        ("2026-03-29T22:59:59.999Z", "Europe/London", "2026-03-29"),
        ("2026-03-29T23:00:00.000Z", "Europe/London", "2026-03-30"),
        ("2026-10-25T23:59:59.999Z", "Europe/London", "2026-10-25"),
        ("2026-03-01T09:59:59.999Z", "Pacific/Kiritimati", "2026-03-01"),
        ("2026-03-01T10:00:00.000Z", "Pacific/Kiritimati", "2026-03-02"),
        ("2026-03-01T11:59:59.999Z", "Etc/GMT+12", "2026-02-28"),
        ("2024-02-29T23:30:00.000Z", "UTC", "2024-02-29"),
        ("2026-03-01T18:14:59.999Z", "Asia/Kathmandu", "2026-03-01"),
        ("2026-03-01T18:15:00.000Z", "Asia/Kathmandu", "2026-03-02"),
    ]
    return [{"time": time, "at": _ms(time), "zone": zone, "date": day} for time, zone, day in cases]


def _ms(time: str) -> int:
    since = datetime.fromisoformat(time) - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
