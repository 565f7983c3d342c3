"""Reading a tablet's journal: an entry's exact text, its hash, its signature. `static/clerk/storage/journal.js` writes what is read here.

An entry is UTF-8 JSON text. It has its number and the hash of the entry before it, so that within a journal none can be added, dropped,
edited or moved unseen. The device's key signs the text together with the device's id.
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
NUMBER_LIMIT = 2**53


class BrokenJournal(Conflict):
    """An entry does not follow the last one that the server has, or is not signed with the device's key."""

    code = "broken_journal"
    default_detail = "Call a manager: this tablet's journal does not continue where the server's copy ends."


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its exact text, its signature, and its parsed members. `previous` is the hash of the entry before; `at` is in ms."""

    text: str
    signature: bytes
    number: int
    previous: str
    kind: str
    at: int
    body: dict[str, Any]

    @property
    def hash(self) -> str:
        """The SHA-256 of the exact text, in base64url. The next entry carries it."""
        return base64url(hashlib.sha256(self.text.encode()).digest())

    def number_member(self, name: str) -> int | None:
        """Return a member of the entry if it is a whole number from 0 to 2^53 - 1, which is as far as JavaScript counts, else None."""
        value = self.body.get(name)
        return value if type(value) is int and 0 <= value < NUMBER_LIMIT else None

    def text_member(self, name: str) -> str | None:
        """Return a member of the entry if it is a text, else None. NUL is removed, since PostgreSQL can't store it in a text."""
        value = self.body.get(name)
        return value.replace("\0", "") if isinstance(value, str) else None


def clock_fault(body: Mapping[str, Any]) -> int | Literal["back"] | None:
    """Return what the tablet knew to be wrong with its clock: how many ms it was ahead, or "back" if it was set back; else None."""
    clock = body.get("clock")
    if clock == "back":
        return "back"
    return clock if type(clock) is int and 0 < abs(clock) < NUMBER_LIMIT else None


def read_entry(text: str, signature: bytes) -> Entry:
    """Parse an entry. Raises Invalid if it is malformed. Neither the signature nor the order is checked."""
    if len(text) > ENTRY_MAX_CHARACTERS:
        raise Invalid(f"A journal entry has at most {ENTRY_MAX_CHARACTERS} characters.")
    body = loads(text)
    if not isinstance(body, dict):
        raise Invalid("A journal entry is a JSON object.")
    number, previous, kind, at = (body.get(name) for name in ("n", "prev", "kind", "at"))
    if type(number) is not int or type(at) is not int or not isinstance(previous, str) or not isinstance(kind, str):
        raise Invalid("A journal entry has n, prev, kind and at.")
    if not (1 <= number < NUMBER_LIMIT and abs(at) < NUMBER_LIMIT and 1 <= len(kind) <= 20 and kind.isprintable()):
        raise Invalid("A journal entry's n, at or kind is out of range.")
    return Entry(text, signature, number, previous, kind, at, body)


def check_entry(entry: Entry, previous: str, device_id: str, public_key: bytes) -> None:
    """Raise BrokenJournal unless the entry follows the one with the hash `previous` and is signed by the device."""
    if entry.previous != previous or not is_signed(entry, device_id, public_key):
        raise BrokenJournal


def is_signed(entry: Entry, device_id: str, public_key: bytes) -> bool:
    """Return whether the entry is signed with this key, for this device."""
    return verifies(public_key, signed_bytes(device_id, entry.text), entry.signature)


def signed_bytes(device_id: str, text: str) -> bytes:
    return b"redeem-entry-v1\0" + device_id.encode() + b"\0" + text.encode()
