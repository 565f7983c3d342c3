"""Lost coupons: those that were issued after the backup, so that a restored ledger has no row of them.

A restore skips numbers in each campaign (recovery/restore.py). A genuine token with a skipped number is a lost coupon: it is adopted,
which means that it gets a row again when it is first shown. A ledger that was never restored makes no row from a token. Nor does any from
a token of a compromised key: whoever has the key could take the place of a coupon that another key has signed.
"""

from typing import Any

from sqlalchemy import Row, bindparam, delete, func, select, text, update
from sqlalchemy.orm import Session

from redeem.db.engine import Retry
from redeem.db.models.coupons import Campaign, SigningKey
from redeem.db.models.devices import Claim
from redeem.domain import short_codes
from redeem.domain.presented import ShownCoupon
from redeem.domain.rules import last_day
from redeem.domain.terms import parse_terms
from redeem.ledger import generation, ledger
from redeem.ledger.rows import IssuedCoupon
from redeem.lib.times import Ms, local_day

LOST = (
    select(Campaign.terms, Claim.device_id, func.coalesce(Claim.epoch, 0).label("epoch"), Claim.unproved)
    .outerjoin(Claim, Claim.serial == bindparam("serial"))
    .where(Campaign.number == bindparam("campaign"), Campaign.coupons > bindparam("number"), Campaign.skipped > 0)
)
ADOPT = text(
    "INSERT INTO coupon (serial, campaign_number, key_id, last_day, short_code, metadata, issued_at, holder_id, epoch,"
    " unproved) VALUES (:serial, :campaign, :key_id, :last_day, :short_code, '{}', :now, :holder_id, :epoch, :unproved)"
    " ON CONFLICT DO NOTHING RETURNING serial"
)


def adopt(session: Session, shown: ShownCoupon, now: Ms) -> IssuedCoupon | None:
    """Make a new row for a lost coupon, and return it locked. Returns None if it is not a lost coupon.

    Raises Retry if a concurrent transaction has just adopted it. The campaign is locked by a statement of its own before the claims are
    read, because a statement that waits for a lock reads other tables as they were before.
    """
    if shown.compromised or find_lost(session, shown.serial) is None:
        return None
    session.execute(
        select(Campaign.number).where(Campaign.number == shown.serial >> 32).with_for_update(key_share=True)
    )
    lost = find_lost(session, shown.serial)
    if lost is None:
        return None
    values = {
        "serial": shown.serial,
        "campaign": shown.serial >> 32,
        "key_id": newest_key(session) if shown.key_id is None else shown.key_id,
        "last_day": last_day_of(shown, lost.terms, now),
        "short_code": shown.short_code or short_codes.new_code(),
        "now": now,
        "holder_id": lost.device_id,
        "epoch": lost.epoch,
        "unproved": lost.unproved,
    }
    if session.execute(ADOPT, values).one_or_none() is None:
        raise Retry
    one_fewer = update(Campaign).where(Campaign.number == shown.serial >> 32).values(skipped=Campaign.skipped - 1)
    session.execute(one_fewer, execution_options={"synchronize_session": False})
    session.execute(delete(Claim).where(Claim.serial == shown.serial))
    return ledger.find_coupon(session, shown.serial, lock=True)


def preview(session: Session, shown: ShownCoupon, now: Ms) -> IssuedCoupon | None:
    """Return a lost coupon as it would be adopted, for reads that must not write. Returns None if it is not a lost coupon."""
    lost = None if shown.compromised else find_lost(session, shown.serial)
    if lost is None:
        return None
    return IssuedCoupon(
        serial=shown.serial,
        key_id=shown.key_id or 0,
        compromised=False,
        short_code=shown.short_code or "",
        last_day=last_day_of(shown, lost.terms, now),
        void_since=None,
        holder_id=lost.device_id,
        epoch=lost.epoch,
        unproved=lost.unproved,
        home_store_id=None,
        terms_text=lost.terms,
        recovering=generation.current(session).only_holders_give,
    )


def find_lost(session: Session, serial: int) -> Row[*tuple[Any, ...]] | None:
    """Return terms, device_id, epoch and `unproved` of a lost coupon: its campaign's terms, and the claim to it, if there is one.

    None if its number was not skipped. The caller knows that the coupon has no row.
    """
    values = {"serial": serial, "campaign": serial >> 32, "number": serial & 0xFFFFFFFF}
    return session.execute(LOST, values).one_or_none()


def last_day_of(shown: ShownCoupon, terms_text: str, now: Ms) -> int:
    """Return the last day in the token or, for a typed short code, the last day of a coupon that is issued today."""
    return last_day(parse_terms(terms_text), local_day(now, "UTC")) if shown.last_day is None else shown.last_day


def newest_key(session: Session) -> int:
    return session.scalars(select(func.max(SigningKey.kid))).one()
