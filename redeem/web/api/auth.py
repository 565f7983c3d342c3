"""Authenticates API callers by the key in `Authorization: Bearer`: `rsk_…` is a key of the shop, `rtk_…` of a till."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from flask import Flask, Response, current_app, g, request

from redeem.accounts import api_key_format, api_keys
from redeem.accounts.api_keys import KnownKey
from redeem.accounts.audit import Program
from redeem.accounts.roles import WHOLE, Scope
from redeem.domain.presented import Actor
from redeem.lib.errors import BadKey, Forbidden, Unauthenticated
from redeem.lib.times import MS_PER_MINUTE, Ms
from redeem.web.context import context, now_ms, read, write

BEARER = "bearer "
FRESH_SECONDS = 1.0
KEYS_KEPT_MAX = 10_000
CACHE = "redeem.key_cache"


class InsufficientScope(Forbidden):
    """The key is valid, but of the wrong kind or without the operation's scope."""

    code = "insufficient_scope"
    default_detail = "Use a key of the right kind and with the scope that the reference names."


@dataclass(frozen=True, slots=True)
class ShopCaller:
    """A program of the shop. `family` identifies it: rolling its key changes the prefix, not the family."""

    prefix: str
    family: str
    scopes: frozenset[str]

    @property
    def author(self) -> Program:
        return Program(self.family)

    @property
    def sees(self) -> Scope:
        return WHOLE

    def may(self, scope: str) -> bool:
        return scope in self.scopes


@dataclass(frozen=True, slots=True)
class TillCaller:
    """A partner's till. `actor` is its device and store."""

    prefix: str
    family: str
    actor: Actor

    @property
    def sees(self) -> Scope:
        return Scope(store_id=self.actor.store_id)


class KeyCache:
    """The keys that this process looked up in the last second, and when it last recorded that each was used."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, KnownKey | None]] = {}
        self._noted: dict[str, Ms] = {}

    def find(self, prefix: str) -> KnownKey | None:
        """The key's row, at most FRESH_SECONDS old. So a revoked key may work for that long. None if no key has the prefix."""
        kept = self._known.get(prefix)
        if kept is not None and time.monotonic() - kept[0] < FRESH_SECONDS:
            return kept[1]
        found = read(lambda session: api_keys.find_key(session, prefix))
        if len(self._known) >= KEYS_KEPT_MAX:
            self.clear()  # a caller makes prefixes up; real ones are cached again at their next request
        self._known[prefix] = time.monotonic(), found
        return found

    def clear(self) -> None:
        """Drops all rows, so that each key is read from the database at its next request."""
        self._known.clear()

    def note_used(self, key: KnownKey, now: Ms) -> None:
        """Records in the database that the key was used, at most once a minute."""
        last = max(key.last_used_at or 0, self._noted.get(key.prefix, 0))
        if now - last >= MS_PER_MINUTE:
            self._noted[key.prefix] = now
            write(lambda session: api_keys.note_used(session, key.prefix, now))


def attach(app: Flask) -> None:
    app.extensions[CACHE] = KeyCache()
    app.after_request(say_generation)


def say_generation(response: Response) -> Response:
    """Adds the header by which a program learns that the server was restored."""
    if "generation" in g:
        response.headers["Redeem-Generation"] = str(g.generation)
    return response


def admit(scopes: Mapping[str, str]) -> None:
    """Authenticates the caller and puts it into `g.caller`. `scopes` has for each kind of key that is taken the scope that it needs.

    Raises Unauthenticated or InsufficientScope.
    """
    g.generation = context().generation()
    key = known_key()
    g.caller_prefix = key.prefix
    if scopes.get(key.kind) not in key.scopes:
        raise InsufficientScope
    key_cache().note_used(key, now_ms())
    g.caller = (
        TillCaller(key.prefix, key.family, key.actor) if key.actor else ShopCaller(key.prefix, key.family, key.scopes)
    )


def shop_caller() -> ShopCaller:
    """The caller of an operation of the shop."""
    return cast(ShopCaller, g.caller)


def till_caller() -> TillCaller:
    """The caller of an operation of a till."""
    return cast(TillCaller, g.caller)


def caller_sees() -> Scope:
    """What the caller, of the shop or a till, may read of: everything, or what is its store's."""
    return cast(ShopCaller | TillCaller, g.caller).sees


def caller_family() -> str:
    """The family of the caller's key, of the shop or of a till."""
    return str(g.caller.family)


def known_key() -> KnownKey:
    presented = read_key(request.headers.get("Authorization", ""))
    key = key_cache().find(presented.prefix)
    if key is None or not key.works(now_ms()) or not api_key_format.same(key.secret_hash, presented.hash):
        raise Unauthenticated
    return key


def read_key(header: str) -> api_key_format.Presented:
    """The key in an Authorization header, not looked up yet. Raises Unauthenticated."""
    if not header.lower().startswith(BEARER):
        raise Unauthenticated("Send the key as Authorization: Bearer followed by the key.")
    try:
        return api_key_format.parse(header[len(BEARER) :].strip())
    except BadKey as error:
        raise Unauthenticated from error


def key_cache() -> KeyCache:
    return cast(KeyCache, current_app.extensions[CACHE])
