"""Admitting programs: whose key is this, and what may it do?"""

from dataclasses import dataclass

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from redeem.accounts import api_key_format, api_key_list, audit
from redeem.accounts.api_key_list import KeyLine
from redeem.accounts.audit import Change
from redeem.accounts.roles import WHOLE, Person, Scope
from redeem.db.models.api import ApiKey
from redeem.db.models.devices import Device
from redeem.db.models.partners import Store
from redeem.domain.presented import Actor
from redeem.lib.errors import Conflict, Invalid, NotFound
from redeem.lib.text import clean_name
from redeem.lib.times import MS_PER_DAY, MS_PER_MINUTE, Ms

READ, ISSUE, MANAGE, REDEEM = "read", "issue", "manage", "redeem"
SHOP_SCOPES = (READ, ISSUE, MANAGE)


class AlreadyRolled(Conflict):
    """Another key follows it, or it was revoked."""

    default_detail = "Another key follows this one already, or it was revoked. Look at the list again."


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key of ours that is not revoked. `actor` is the till that it belongs to, None for a shop's key.

    `works_until`: another has followed it. `family` is the same for both: to a retry they are one key.
    """

    prefix: str
    secret_hash: bytes
    kind: str
    scopes: frozenset[str]
    last_used_at: Ms | None
    family: str
    works_until: Ms | None
    actor: Actor | None

    def works(self, now: Ms) -> bool:
        return self.works_until is None or now < self.works_until


FIND = (
    select(
        ApiKey.prefix,
        ApiKey.secret_hash,
        ApiKey.kind,
        ApiKey.scopes,
        ApiKey.last_used_at,
        ApiKey.family,
        ApiKey.works_until,
        Device.id,
        Device.name,
        Store.id,
        Store.name,
        Store.partner_id,
        Store.time_zone,
    )
    .outerjoin(Device, Device.id == ApiKey.device_id)
    .outerjoin(Store, Store.id == Device.store_id)
    .where(ApiKey.prefix == bindparam("prefix"), ApiKey.revoked_at.is_(None), Device.revoked_at.is_(None))
)


MS_PER_HOUR = 60 * MS_PER_MINUTE


OVERLAP_MAX_MS = 7 * MS_PER_DAY


def find_key(session: Session, prefix: str) -> KnownKey | None:
    """The key of this prefix, unless it, or the till it belongs to, was revoked. It may have ended: see `works`."""
    row = session.execute(FIND, {"prefix": prefix}).one_or_none()
    if row is None:
        return None
    found, secret_hash, kind, scopes, last_used_at, family, works_until, *till = row
    actor = Actor(*till) if till[0] else None
    return KnownKey(found, secret_hash, kind, frozenset(scopes.split()), last_used_at, family, works_until, actor)


def note_used(session: Session, prefix: str, now: Ms) -> None:
    """Remembers that the key is in use, to the minute."""
    stale = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - MS_PER_MINUTE)
    session.execute(update(ApiKey).where(ApiKey.prefix == prefix, stale).values(last_used_at=now))


def add_shop_key(
    session: Session, name: str, now: Ms, scopes: tuple[str, ...] = SHOP_SCOPES, manager_id: str | None = None
) -> str:
    """A key for the shop's own programs; answers its text, which is kept nowhere."""
    minted = api_key_format.mint("shop")
    session.add(
        ApiKey(
            prefix=minted.prefix,
            secret_hash=minted.hash,
            kind="shop",
            name=name,
            scopes=" ".join(scopes),
            family=minted.prefix,
            manager_id=manager_id,
            created_at=now,
        )
    )
    session.flush()
    return minted.text


def roll_key(session: Session, prefix: str, now: Ms, overlap_ms: Ms, manager_id: str) -> str:
    """A key that follows this one, for the same program; answers its text, which is kept nowhere. This one goes on for `overlap_ms`.

    Raises NotFound, and AlreadyRolled if it was revoked or another follows it: so a second click makes no second key.
    """
    old = session.scalar(select(ApiKey).where(ApiKey.prefix == prefix).with_for_update())
    if old is None:
        raise NotFound
    if old.revoked_at is not None or old.works_until is not None:
        raise AlreadyRolled
    minted = api_key_format.mint("till" if old.kind == "till" else "shop")
    session.add(
        ApiKey(
            prefix=minted.prefix,
            secret_hash=minted.hash,
            kind=old.kind,
            name=old.name,
            scopes=old.scopes,
            device_id=old.device_id,
            family=old.family,
            manager_id=manager_id,
            created_at=now,
        )
    )
    if overlap_ms:
        old.works_until = now + overlap_ms
    else:
        old.revoked_at = now
    session.flush()
    return minted.text


def revoke_key(session: Session, prefix: str, now: Ms) -> None:
    """The key opens nothing from now on. Doing it twice changes nothing."""
    session.execute(update(ApiKey).where(ApiKey.prefix == prefix, ApiKey.revoked_at.is_(None)).values(revoked_at=now))


def make_shop_key(session: Session, person: Person, name: str, scopes: tuple[str, ...], now: Ms) -> str:
    """A key for the shop's own programs; answers its text, which is kept nowhere."""
    text = add_shop_key(session, clean_name(name), now, check_scopes(scopes), person.id)
    audit.note(
        session,
        person.id,
        Change.KEY_MADE,
        api_key_format.parse(text).prefix,
        now,
        name=clean_name(name),
        scopes=list(scopes),
    )
    return text


def roll_shop_key(session: Session, person: Person, prefix: str, overlap_ms: Ms, now: Ms) -> str:
    """A key that follows this one; answers its text. Raises NotFound, AlreadyRolled, Invalid."""
    return roll(session, person, api_key_list.get_shop_key(session, prefix), overlap_ms, now, WHOLE)


def roll(session: Session, person: Person, key: KeyLine, overlap_ms: Ms, now: Ms, scope: Scope) -> str:
    if not 0 <= overlap_ms <= OVERLAP_MAX_MS:
        raise Invalid("The earlier key can go on for seven days at most.")
    text = roll_key(session, key.prefix, now, overlap_ms, person.id)
    audit.note(
        session,
        person.id,
        Change.KEY_ROLLED,
        key.prefix,
        now,
        scope=scope,
        name=key.name,
        overlap_hours=overlap_ms // MS_PER_HOUR,
        changed={"prefix": [key.prefix, api_key_format.parse(text).prefix]},
    )
    return text


def revoke_shop_key(session: Session, person: Person, prefix: str, now: Ms) -> None:
    key = api_key_list.get_shop_key(session, prefix)
    if key.revoked_at is None:
        revoke_key(session, key.prefix, now)
        audit.note(session, person.id, Change.KEY_REVOKED, key.prefix, now, name=key.name)


def check_scopes(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """The scopes of a shop key, at least one; raises Invalid."""
    if not scopes or any(scope not in SHOP_SCOPES for scope in scopes):
        raise Invalid("Choose what the key may do.")
    return scopes
