"""Strict JSON, as I-JSON (RFC 7493): no duplicate keys, NaN, Infinity or lone surrogates; at most DEPTH_MAX levels of nesting.

Bytes may begin with a byte order mark, which RFC 8259 lets a parser ignore: some programs can't leave it out.
"""

import json
from typing import Any, NoReturn

from redeem.lib.errors import Invalid

DEPTH_MAX = 32


class BadJson(Invalid):
    """The text is not JSON, or is JSON that two parsers may read differently."""

    code = "bad_json"
    default_detail = "Send JSON in UTF-8 without duplicate keys, NaN or Infinity, nested at most 32 levels deep."


def loads(text: str | bytes) -> Any:
    """Parse `text`. Raises BadJson."""
    try:
        plain = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        value = _DECODER.decode(plain)
        if "\\u" in plain:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # an escaped lone surrogate can't be encoded
    except (ValueError, RecursionError) as error:
        raise BadJson from error
    if depth(value) > DEPTH_MAX:
        raise BadJson
    return value


def depth(value: Any) -> int:
    """Return how deep lists and objects are nested: 0 for a plain value, 1 for a flat list."""
    level, inside = 0, [value]
    while inside := [item for item in inside if isinstance(item, dict | list)]:
        level += 1
        inside = [child for item in inside for child in (item.values() if isinstance(item, dict) else item)]
    return level


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate key")
    return value


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("out of range")
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
