"""Passwords of managers and PINs of clerks: argon2id, and what is too weak to accept.

A PIN is a screen lock on an enrolled device; what protects the ledger is the device's own key.
"""

import re
import unicodedata
from hashlib import sha256
from itertools import pairwise

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from redeem.lib.errors import Invalid

MARK_CHARACTERS = 16
PASSWORD_MIN_CHARACTERS = 12
PASSWORD_MAX_CHARACTERS = 256

_PIN = re.compile(r"[0-9]{4,8}", re.ASCII)
# OWASP's first choice. The library's own default takes 64 MiB and 145 ms, which a sign-in storm can't afford.
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = _HASHER.hash("nobody has this password")


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password or PIN, with its parameters and salt in it."""
    return _HASHER.hash(_plain(password))


def verify(stored: str | None, password: str) -> bool:
    """Say whether the password is the one hashed.

    `stored` is None for an account that doesn't exist: it takes as long and is False, so that time doesn't tell
    which addresses have an account.
    """
    try:
        return _HASHER.verify(stored or _NOBODY, _plain(password)) and stored is not None
    except (VerificationError, InvalidHashError, Invalid):
        return False


def mark(stored: str) -> str:
    """What tells one hash from another and says nothing of it: by this a tablet knows that a PIN was changed."""
    return sha256(f"redeem-pin-mark-v1/{stored}".encode()).hexdigest()[:MARK_CHARACTERS]


def needs_rehash(stored: str) -> bool:
    """Say whether a hash was made with other parameters than today's; hash again at the next sign-in."""
    return _HASHER.check_needs_rehash(stored)


def check_password(password: str) -> None:
    """Refuse a password that is too short or too long, as `Invalid`."""
    if not PASSWORD_MIN_CHARACTERS <= len(password) <= PASSWORD_MAX_CHARACTERS:
        raise Invalid(f"Choose a password of {PASSWORD_MIN_CHARACTERS} to {PASSWORD_MAX_CHARACTERS} characters.")


def check_pin(pin: str) -> None:
    """Refuse a PIN that isn't 4 to 8 digits, or is the first anyone would try, as `Invalid`."""
    if not _PIN.fullmatch(pin):
        raise Invalid("Choose a PIN of 4 to 8 digits.")
    if _is_trivial(pin):
        raise Invalid("Choose another PIN; repeated and counted digits are the first that others try.")


def _is_trivial(pin: str) -> bool:
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    repeats = pin == (pin[:2] * len(pin))[: len(pin)]
    return repeats or steps in ({1}, {9})


def _plain(password: str) -> str:
    if len(password) > PASSWORD_MAX_CHARACTERS:
        raise Invalid(f"Choose a password of at most {PASSWORD_MAX_CHARACTERS} characters.")
    # One letter can be typed as one or two code points, by keyboard and system: й is the same key everywhere.
    return unicodedata.normalize("NFC", password)
