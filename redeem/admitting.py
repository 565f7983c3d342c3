"""Admitting programs: whose key is this, and what may it do?"""

from dataclasses import dataclass

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from redeem import apikeys
from redeem.db.models.api import ApiKey
from redeem.db.models.devices import Device
from redeem.db.models.partners import Store
from redeem.lib.errors import Conflict, NotFound
from redeem.lib.times import MS_PER_MINUTE, Ms
from redeem.verifying import Actor

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
    minted = apikeys.mint("shop")
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
    minted = apikeys.mint("till" if old.kind == "till" else "shop")
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
