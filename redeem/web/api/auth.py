"""Who is calling: a program's key in `Authorization: Bearer rsk_…` (the shop's) or `rtk_…` (a till's), and what it may do."""

import time
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app, g, request

from redeem.accounts import api_key_format, api_keys
from redeem.accounts.api_key_format import Kind
from redeem.accounts.api_keys import KnownKey
from redeem.domain.presented import Actor
from redeem.lib.errors import BadKey, Forbidden, Unauthenticated
from redeem.lib.times import MS_PER_MINUTE, Ms
from redeem.web.context import now_ms, read, write

BEARER = "bearer "
FRESH_SECONDS = 1.0
KEYS_KEPT_MAX = 10_000


class InsufficientScope(Forbidden):
    """The key is known, but this is not for it."""

    code = "insufficient_scope"
    default_detail = "Use a key that may do this; this one may not."


@dataclass(frozen=True, slots=True)
class ShopCaller:
    """A program of the shop. `family` is the same before and after its key was rolled."""

    prefix: str
    family: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        return scope in self.scopes


@dataclass(frozen=True, slots=True)
class TillCaller:
    """A partner's own till, and where it stands."""

    prefix: str
    actor: Actor


class KeyBook:
    """The keys that this process has seen in the last second, and when it last noted that they are used."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, KnownKey | None]] = {}
        self._noted: dict[str, Ms] = {}

    def find(self, prefix: str) -> KnownKey | None:
        """The key's row, at most FRESH_SECONDS old: so long may a revoked key go on."""
        kept = self._known.get(prefix)
        if kept is not None and time.monotonic() - kept[0] < FRESH_SECONDS:
            return kept[1]
        found = read(lambda session: api_keys.find_key(session, prefix))
        if len(self._known) >= KEYS_KEPT_MAX:
            self.forget()  # somebody makes up prefixes; the real ones are back with their next request
        self._known[prefix] = time.monotonic(), found
        return found

    def forget(self) -> None:
        """Looks every key up anew."""
        self._known.clear()

    def note_used(self, key: KnownKey, now: Ms) -> None:
        """Once a minute a request writes it down for all of them."""
        last = max(key.last_used_at or 0, self._noted.get(key.prefix, 0))
        if now - last >= MS_PER_MINUTE:
            self._noted[key.prefix] = now
            write(lambda session: api_keys.note_used(session, key.prefix, now))


def attach(app: Flask) -> None:
    app.extensions["redeem.domain.signing_keys"] = KeyBook()


def admit(kind: Kind, scope: str) -> None:
    """Lets the caller in, by the key; raises Unauthenticated or InsufficientScope."""
    key = known_key()
    g.caller_prefix = key.prefix
    if key.kind != kind or scope not in key.scopes:
        raise InsufficientScope
    book().note_used(key, now_ms())
    g.caller = TillCaller(key.prefix, key.actor) if key.actor else ShopCaller(key.prefix, key.family, key.scopes)


def shop_caller() -> ShopCaller:
    """Who was admitted to an operation of the shop."""
    return cast(ShopCaller, g.caller)


def till_caller() -> TillCaller:
    """Who was admitted to an operation of a till."""
    return cast(TillCaller, g.caller)


def known_key() -> KnownKey:
    presented = presented_key()
    key = book().find(presented.prefix)
    if key is None or not key.works(now_ms()) or not api_key_format.same(key.secret_hash, presented.hash):
        raise Unauthenticated
    return key


def presented_key() -> api_key_format.Presented:
    header = request.headers.get("Authorization", "")
    if not header.lower().startswith(BEARER):
        raise Unauthenticated("Send the key as Authorization: Bearer followed by the key.")
    try:
        return api_key_format.parse(header[len(BEARER) :].strip())
    except BadKey as error:
        raise Unauthenticated from error


def book() -> KeyBook:
    return cast(KeyBook, current_app.extensions["redeem.domain.signing_keys"])
