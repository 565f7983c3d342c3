"""Reading journals: which coupons their entries are about, and what they leave open."""

from collections.abc import Iterable, Sequence
from json import loads
from typing import Any

from redeem.domain.tokens import read
from redeem.lib.ids import coupon_id

BEGIN = {"ask": "asking", "gave-held": "given", "gave-at-risk": "given"}
END = ("drop", "done", "undo")


def coupons_in(texts: Sequence[str], wanted: Iterable[str]) -> set[str]:
    """Returns the coupons that the wanted entries are about."""
    entries = {text: loads(text) for text in texts}
    begun = {entry["n"]: entry for entry in entries.values()}
    about = (begun.get(entries[text].get("of"), entries[text]) for text in wanted)
    return {coupon for entry in about if (coupon := coupon_in(entry))}


def left_open(texts: Sequence[str]) -> set[str]:
    """The coupons that were asked for or given, of which it was never said that it is over."""
    attempts: dict[int, dict[str, Any]] = {}
    for entry in map(loads, texts):
        if entry["kind"] in BEGIN:
            attempts[entry["n"]] = entry
        elif entry["kind"] in END:
            attempts.pop(entry["of"], None)
    return {coupon for entry in attempts.values() if (coupon := coupon_in(entry))}


def is_undone(texts: Sequence[str], attempt: int) -> bool:
    return any(entry["kind"] == "undo" and entry["of"] == attempt for entry in map(loads, texts))


def coupon_in(entry: dict[str, Any]) -> str | None:
    if entry.get("coupon"):
        return coupon_id(read(entry["coupon"]).serial)
    named: str | None = entry.get("id")
    return named
