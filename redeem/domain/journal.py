"""Reading a tablet's journal: an entry's exact text, its hash, its signature. `static/clerk/knowledge/state.js` writes what is read here.

An entry is UTF-8 JSON text. It names its number and the hash of the entry before it, so that none can be added, dropped,
edited or moved unseen; the device's key signs the text together with the device's id.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from redeem.domain.signing_keys import verifies
from redeem.lib.encoding import base64url
from redeem.lib.errors import Conflict, Invalid
from redeem.lib.strictjson import loads

FIRST_HASH = "A" * 43
ENTRY_MAX_CHARACTERS = 8_000
VERSION = 1


class BrokenJournal(Conflict):
    """The journal does not continue what the server has: an entry was edited, moved or signed by another key."""

    code = "broken_journal"
    default_detail = "Call a manager: this tablet's journal does not continue what the server has."


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it was sent: its text and signature, and what they say."""

    text: str
    signature: bytes
    number: int
    previous: str
    kind: str
    at: int
    body: dict[str, Any]

    @property
    def hash(self) -> str:
        return base64url(hashlib.sha256(self.text.encode()).digest())

    def text_member(self, name: str) -> str | None:
        """A text member of the entry, or None. Without NUL, which PostgreSQL's texts can't hold; the entry itself keeps it, escaped."""
        value = self.body.get(name)
        return value.replace("\0", "") if isinstance(value, str) else None


def clock_fault(body: Mapping[str, Any]) -> int | Literal["back"] | None:
    """How far the tablet knew its clock to be ahead, in ms, or that it was set back; None if it knew of nothing, or does not say."""
    said = body.get("clock")
    if said == "back":
        return "back"
    return said if type(said) is int and 0 < abs(said) < 2**53 else None


def read_entry(text: str, signature: bytes) -> Entry:
    """Parses an entry; raises Invalid if it is none. Nothing is verified yet."""
    if len(text) > ENTRY_MAX_CHARACTERS:
        raise Invalid(f"A journal entry has at most {ENTRY_MAX_CHARACTERS} characters.")
    body = loads(text)
    if not isinstance(body, dict):
        raise Invalid("A journal entry is a JSON object.")
    number, previous, kind, at = (body.get(name) for name in ("n", "prev", "kind", "at"))
    if type(number) is not int or type(at) is not int or not isinstance(previous, str) or not isinstance(kind, str):
        raise Invalid("A journal entry has n, prev, kind and at.")
    if not (1 <= number < 2**53 and abs(at) < 2**53 and 1 <= len(kind) <= 20 and kind.isprintable()):
        raise Invalid("A journal entry's n, at or kind is out of range.")
    return Entry(text, signature, number, previous, kind, at, body)


def check_entry(entry: Entry, previous: str, device_id: str, public_key: bytes) -> None:
    """Raises BrokenJournal unless the entry follows `previous` and is signed by the device."""
    if entry.previous != previous or not is_signed(entry, device_id, public_key):
        raise BrokenJournal


def is_signed(entry: Entry, device_id: str, public_key: bytes) -> bool:
    """Did the owner of this key write the entry, as this device?"""
    return verifies(public_key, signed_bytes(device_id, entry.text), entry.signature)


def signed_bytes(device_id: str, text: str) -> bytes:
    return b"redeem-entry-v1\0" + device_id.encode() + b"\0" + text.encode()
