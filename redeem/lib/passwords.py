"""Passwords of managers and PINs of clerks: hash and verify them with argon2id, and refuse weak ones.

A PIN is only a screen lock on an enrolled device. The ledger is protected by the device's key.
"""

import re
import threading
import unicodedata
from collections.abc import Callable, Iterable
from hashlib import sha256
from itertools import pairwise
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from redeem.lib import weak_passwords
from redeem.lib.errors import Invalid, RedeemError

FINGERPRINT_CHARACTERS = 16
PASSWORD_MIN_CHARACTERS = 12
PASSWORD_MAX_CHARACTERS = 256

_PIN = re.compile(r"[0-9]{4,8}", re.ASCII)
# OWASP's first recommendation. The library's default takes 64 MiB and 145 ms, too much when many people sign in at once.
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = _HASHER.hash("nobody has this password")
T = TypeVar("T")


class Crowded(RedeemError):
    """Too many passwords and PINs are checked at this moment."""

    code = "crowded"
    default_detail = "Try again in a few seconds. This try was not counted."


class Gate:
    """Lets one hash after the other be made, and few wait for it, so that whoever sends passwords can't have all threads and cores."""

    def __init__(self, places: int) -> None:
        self._hashing = threading.Lock()
        self.places = threading.Semaphore(places)

    def run(self, hashing: Callable[[], T]) -> T:
        """Raises Crowded."""
        if not self.places.acquire(blocking=False):
            raise Crowded
        try:
            with self._hashing:
                return hashing()
        finally:
            self.places.release()


_gate = Gate(places=16)


def limit_hashing(places: int) -> None:
    """Let at most so many threads of this process hash at a time, or wait to."""
    _gate.places = threading.Semaphore(places)


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password or PIN. It contains its parameters and its salt. Raises Crowded."""
    plain = _plain(password)
    return _gate.run(lambda: _HASHER.hash(plain))


def verify(stored: str | None, password: str) -> bool:
    """Return whether `stored` is the hash of this password.

    Pass None if there is no such account: the result is False, after the same time, so that timing doesn't show which addresses
    have an account. Raises Crowded.
    """
    return _gate.run(lambda: _matches(stored, password))


def _matches(stored: str | None, password: str) -> bool:
    try:
        return _HASHER.verify(stored or _NOBODY, _plain(password)) and stored is not None
    except (VerificationError, InvalidHashError, Invalid):
        return False


def fingerprint(stored: str) -> str:
    """Return a fingerprint of a stored hash, which reveals nothing about it. A tablet compares it to see that a PIN was changed."""
    return sha256(f"redeem-pin-mark-v1/{stored}".encode()).hexdigest()[:FINGERPRINT_CHARACTERS]


def needs_rehash(stored: str) -> bool:
    """Return whether a hash was made with other parameters than the present ones: a manager's is made again at the next sign-in.

    A PIN's is left as it is. To every other tablet of the store a new hash means a new PIN (`fingerprint`), so that a clerk who is
    offline there could not unlock it; and no parameters protect four digits.
    """
    return _HASHER.check_needs_rehash(stored)


def check_password(password: str, own: Iterable[str] = ()) -> None:
    """Raise Invalid if the password is too short or too long, or guessed first. `own` are its owner's name and address."""
    if not PASSWORD_MIN_CHARACTERS <= len(password) <= PASSWORD_MAX_CHARACTERS:
        raise Invalid(f"Choose a password of {PASSWORD_MIN_CHARACTERS} to {PASSWORD_MAX_CHARACTERS} characters.")
    if weak_passwords.is_common(password):
        raise Invalid("Choose a password that is harder to guess: four words that don't belong together, for example.")
    if weak_passwords.contains_own(password, own):
        raise Invalid("Choose a password without your name and address in it.")


def check_pin(pin: str) -> None:
    """Raise Invalid unless the PIN is 4 to 8 digits and not one of the first guesses."""
    if not _PIN.fullmatch(pin):
        raise Invalid("Choose a PIN of 4 to 8 digits.")
    if _is_trivial(pin):
        raise Invalid("Choose another PIN: repeated or consecutive digits are guessed first.")


def _is_trivial(pin: str) -> bool:
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    repeats = pin == (pin[:2] * len(pin))[: len(pin)]
    return repeats or steps in ({1}, {9})


def _plain(password: str) -> str:
    if len(password) > PASSWORD_MAX_CHARACTERS:
        raise Invalid(f"Choose a password of at most {PASSWORD_MAX_CHARACTERS} characters.")
    # Depending on keyboard and system, one letter such as й is typed as one code point or as two.
    return unicodedata.normalize("NFC", password)
