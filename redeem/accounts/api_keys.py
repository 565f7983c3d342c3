"""API keys: find the key that a program sent, and make, roll and revoke keys."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, or_, select, update
from sqlalchemy.orm import Session

from redeem.accounts import api_key_format, api_key_list, audit
from redeem.accounts.api_key_format import Minted
from redeem.accounts.api_key_list import KeyLine
from redeem.accounts.audit import Author, Change
from redeem.accounts.roles import WHOLE, Scope
from redeem.db.models.api import ApiKey
from redeem.db.models.devices import Device
from redeem.db.models.partners import CLOSED_SINCE, Store
from redeem.domain.presented import Actor
from redeem.lib.errors import Conflict, Invalid
from redeem.lib.text import clean_name
from redeem.lib.times import MS_PER_DAY, MS_PER_MINUTE, Ms

READ, ISSUE, MANAGE, REDEEM = "read", "issue", "manage", "redeem"
SHOP_SCOPES = (READ, ISSUE, MANAGE)
MS_PER_HOUR = 60 * MS_PER_MINUTE
OVERLAP_MAX_MS = 7 * MS_PER_DAY


class AlreadyRolled(Conflict):
    """The key was rolled or revoked before."""

    default_detail = "Another key follows this one already, or it was revoked. Look at the list again."


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that is not revoked. `actor` is the till that it belongs to, None for a shop's key.

    `works_until` is set once the key was rolled. `family` is the same for a key and all that follow it, so that a retry with the next
    key is still recognised as a retry.
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
        Device.id.label("device_id"),
        Device.name.label("device_name"),
        Store.id.label("store_id"),
        Store.name.label("store_name"),
        Store.partner_id,
        Store.time_zone,
        CLOSED_SINCE.label("closed_at"),
    )
    .outerjoin(Device, Device.id == ApiKey.device_id)
    .outerjoin(Store, Store.id == Device.store_id)
    .where(ApiKey.prefix == bindparam("prefix"), ApiKey.revoked_at.is_(None), Device.revoked_at.is_(None))
)


def find_key(session: Session, prefix: str) -> KnownKey | None:
    """Return the key with this prefix, or None if there is none or if it or its till was revoked. It may have expired: see `works`."""
    row = session.execute(FIND, {"prefix": prefix}).one_or_none()
    if row is None:
        return None
    return KnownKey(
        prefix=row.prefix,
        secret_hash=row.secret_hash,
        kind=row.kind,
        scopes=frozenset(row.scopes.split()),
        last_used_at=row.last_used_at,
        family=row.family,
        works_until=row.works_until,
        actor=till_of(row) if row.device_id else None,
    )


def till_of(row: Row[*tuple[Any, ...]]) -> Actor:
    return Actor(
        device_id=row.device_id,
        device_name=row.device_name,
        store_id=row.store_id,
        store_name=row.store_name,
        partner_id=row.partner_id,
        time_zone=row.time_zone,
        closed_at=row.closed_at,
    )


def note_used(session: Session, prefix: str, now: Ms) -> None:
    """Record when the key was last used. It is written at most once a minute."""
    stale = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - MS_PER_MINUTE)
    session.execute(update(ApiKey).where(ApiKey.prefix == prefix, stale).values(last_used_at=now))


def add_shop_key(session: Session, author: Author, name: str, now: Ms, scopes: tuple[str, ...] = SHOP_SCOPES) -> str:
    """Add a key for the shop's programs, and return its text, which is not stored. Raises Invalid."""
    cleaned, minted = clean_name(name), api_key_format.mint("shop")
    keep_key(session, author, minted, now, kind="shop", name=cleaned, scopes=" ".join(check_scopes(scopes)))
    audit.note(session, author.id, Change.KEY_MADE, minted.prefix, now, name=cleaned, scopes=list(scopes))
    return minted.text


def add_till_key(session: Session, author: Author, device_id: str, name: str, now: Ms) -> Minted:
    """Add a till's first key. It has no audit entry of its own: it is part of adding the till, which has one."""
    minted = api_key_format.mint("till")
    keep_key(session, author, minted, now, kind="till", name=name, scopes=REDEEM, device_id=device_id)
    return minted


def roll_shop_key(session: Session, author: Author, prefix: str, overlap_ms: Ms, now: Ms) -> str:
    """Add a key that follows this one, and return its text, which is not stored. This one works for `overlap_ms` more.

    Raises NotFound, Invalid, or AlreadyRolled if this one was revoked or rolled before, so that a second click makes no second key.
    """
    return _roll(session, author, api_key_list.get_shop_key(session, prefix), overlap_ms, now, WHOLE)


def roll_till_key(session: Session, author: Author, device_id: str, overlap_ms: Ms, now: Ms) -> str:
    """Roll the key of a till within the author's scope, as `roll_shop_key` does."""
    key = api_key_list.get_till_key(session, author.scope, device_id)
    return _roll(session, author, key, overlap_ms, now, Scope(store_id=key.store_id))


def _roll(session: Session, author: Author, key: KeyLine, overlap_ms: Ms, now: Ms, scope: Scope) -> str:
    if not 0 <= overlap_ms <= OVERLAP_MAX_MS:
        raise Invalid("The earlier key can go on for seven days at most.")
    old = session.get_one(ApiKey, key.prefix, with_for_update=True)
    if old.revoked_at is not None or old.works_until is not None:
        raise AlreadyRolled
    minted = api_key_format.mint("till" if old.kind == "till" else "shop")
    same = {name: getattr(old, name) for name in ("kind", "name", "scopes", "device_id", "family")}
    keep_key(session, author, minted, now, **same)
    if overlap_ms:
        old.works_until = now + overlap_ms
    else:
        old.revoked_at = now
    session.flush()
    details = {"name": old.name, "overlap_hours": overlap_ms // MS_PER_HOUR}
    changed = {"prefix": [old.prefix, minted.prefix]}
    audit.note(session, author.id, Change.KEY_ROLLED, old.prefix, now, scope=scope, **details, changed=changed)
    return minted.text


def keep_key(session: Session, author: Author, minted: Minted, now: Ms, **columns: Any) -> None:
    """Insert the row of a new key. Unless `columns` name another, its family is its own prefix."""
    row = {
        "prefix": minted.prefix,
        "secret_hash": minted.hash,
        "family": minted.prefix,
        "manager_id": audit.manager_id_of(author),
        "created_at": now,
    }
    session.add(ApiKey(**row | columns))
    session.flush()


def revoke_shop_key(session: Session, author: Author, prefix: str, now: Ms) -> None:
    """Revoke one of the shop's keys from now on. Idempotent. Raises NotFound."""
    key = api_key_list.get_shop_key(session, prefix)
    if key.revoked_at is None:
        own = (ApiKey.prefix == prefix, ApiKey.revoked_at.is_(None))
        session.execute(update(ApiKey).where(*own).values(revoked_at=now))
        audit.note(session, author.id, Change.KEY_REVOKED, key.prefix, now, name=key.name)


def check_scopes(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the scopes. Raises Invalid if there is none, or one that a shop's key can't have."""
    if not scopes or any(scope not in SHOP_SCOPES for scope in scopes):
        raise Invalid("Choose what the key may do.")
    return scopes
