"""Pending gifts of tablets that are gone: a tablet was told to give, and nobody will say whether it did. A shop manager decides.

Nothing decides it by itself, neither a write-off nor an admission: the customer may have the gift, or may not. Until then it is not owed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, aliased

from redeem.accounts import audit
from redeem.accounts.audit import Change
from redeem.accounts.roles import WHOLE, Person, Scope, within
from redeem.db.lines import lines, select_as
from redeem.db.models.devices import Clerk, Device, Quarantine
from redeem.db.models.ledger import Act, Redemption
from redeem.db.models.partners import Partner, Store
from redeem.domain.acts import NOT_HANDED_OVER, Kind
from redeem.ledger import ledger
from redeem.ledger.rows import IssuedCoupon, KeptAct
from redeem.lib.errors import NotFound
from redeem.lib.ids import coupon_id
from redeem.lib.strictjson import loads
from redeem.lib.times import MS_PER_DAY, Ms
from redeem.redemptions.undo import GiftGone, GiftPending, undo, was_undone_by

SILENT_MS = MS_PER_DAY  # a tablet that was not heard of for so long may not come back
PENDING_SHOWN_MAX = 50
SAID_READ_MAX = 500


@dataclass(frozen=True, slots=True)
class PendingGift:
    """A gift of which nobody has said whether it was handed over. `id` is the redemption's, `at` when the tablet was told to give."""

    id: str
    serial: int
    at: Ms
    device_name: str
    store_name: str
    partner_name: str
    time_zone: str

    @property
    def coupon(self) -> str:
        return coupon_id(self.serial)


@dataclass(frozen=True, slots=True)
class Said:
    """What a tablet that was enrolled anew says of the gift `gift` of its former journal: a hint for who decides, and nothing more."""

    number: str
    device_id: str
    device_name: str
    store_name: str
    time_zone: str
    clerk_name: str | None
    at: Ms
    entry: str
    answer: str

    @property
    def gift(self) -> str | None:
        told: str | None = loads(self.answer).get("gift")
        return told

    @property
    def handed_over(self) -> bool:
        return loads(self.entry).get("handed_over") is True


SAID = (
    select_as(
        Said,
        number=Act.name,
        device_id=Act.device_id,
        device_name=Device.name,
        store_name=Store.name,
        time_zone=Store.time_zone,
        clerk_name=Clerk.name,
        at=Act.at,
        entry=Act.entry,
        answer=Act.answer,
    )
    .join(Device, Device.id == Act.device_id)
    .join(Store, Store.id == Act.store_id)
    .outerjoin(Clerk, Clerk.id == Act.clerk_id)
    .where(Act.kind == Kind.SAID)
    .order_by(Act.at, Act.id)
    .limit(SAID_READ_MAX)
)
PENDING = (
    select_as(
        PendingGift,
        id=Redemption.act_id,
        serial=Redemption.serial,
        at=Redemption.at,
        device_name=Device.name,
        store_name=Store.name,
        partner_name=Partner.name,
        time_zone=Store.time_zone,
    )
    .join(Act, Act.id == Redemption.act_id)
    .join(Device, Device.id == Redemption.device_id)
    .join(Store, Store.id == Act.store_id)
    .join(Partner, Partner.id == Store.partner_id)
    .where(Redemption.handed_over_at.is_(None))
    .order_by(Redemption.at, Redemption.act_id)
    .limit(PENDING_SHOWN_MAX)
)


def is_gone(now: Ms) -> ColumnElement[bool]:
    """Return the condition that a device will not say what became of its gifts: it was revoked or written off, it has been silent for a
    day, or it was enrolled anew and has handed its old journal in.
    """
    old = aliased(Quarantine)
    handed_in = select(old.number).where(old.device_id == Device.id, old.handed_in_by_id != Device.id).exists()
    last_heard = or_(Device.last_seen_at.is_(None), Device.last_seen_at <= now - SILENT_MS)
    return or_(Device.revoked_at.is_not(None), Device.lost_at.is_not(None), last_heard, handed_in)


def list_pending(session: Session, now: Ms, scope: Scope = WHOLE) -> Sequence[PendingGift]:
    """Return the pending gifts of tablets that are gone, the oldest first, at most PENDING_SHOWN_MAX."""
    return lines(session, PendingGift, within(PENDING.where(is_gone(now)), scope, Act.store_id))


def list_said(session: Session, serials: Collection[int], scope: Scope = WHOLE) -> dict[str, list[Said]]:
    """Return by gift what tablets that were enrolled anew say of gifts of these coupons: the first that each of them said."""
    found = lines(session, Said, within(SAID.where(Act.serial.in_(serials)), scope, Act.store_id)) if serials else []
    of_gifts = [said for said in found if said.gift is not None]
    first: dict[tuple[str | None, str], Said] = {}
    for said in sorted(of_gifts, key=lambda said: (said.at, int(said.number))):
        first.setdefault((said.gift, said.device_id), said)
    by_gift: dict[str, list[Said]] = {}
    for said in first.values():
        by_gift.setdefault(str(said.gift), []).append(said)
    return by_gift


def list_pending_with_said(
    session: Session, now: Ms, scope: Scope = WHOLE
) -> tuple[Sequence[PendingGift], dict[str, list[Said]]]:
    """Return the pending gifts, and by gift what is said of it."""
    waiting = list_pending(session, now, scope)
    return waiting, list_said(session, [gift.serial for gift in waiting], scope)


def decide_pending(session: Session, author: Person, serial: int | None, act_id: str, now: Ms, *, given: bool) -> None:
    """Decide whether a pending gift was given. If it was, it stands and is owed. If not, the coupon is good again, and a later report of
    the tablet is a contested gift. `act_id` is the gift that the manager saw.

    Sent again, it does nothing. Raises NotFound, GiftGone, GiftPending.
    """
    coupon = ledger.find_coupon(session, serial, lock=True)
    gift = ledger.find_act(session, act_id)
    if coupon is None or gift is None or gift.serial != coupon.serial:
        raise NotFound
    if not is_open_to_decide(session, author, coupon, gift, now, given=given):
        return
    if given:
        ledger.mark_handed_over(session, gift.id, now)
    else:
        undo(session, coupon, gift, NOT_HANDED_OVER, now, manager_id=author.id)
    what = {"coupon": coupon.coupon_id, "given": given}
    audit.note(session, author.id, Change.PENDING_DECIDED, gift.id, now, scope=Scope(store_id=gift.store_id), **what)


def is_open_to_decide(
    session: Session, author: Person, coupon: IssuedCoupon, gift: KeptAct, now: Ms, *, given: bool
) -> bool:
    """Return whether the gift is still pending. False if it is as the manager wants it already. Raises GiftGone, GiftPending."""
    standing = ledger.find_standing(session, coupon.serial)
    if standing is None or standing.act_id != gift.id:
        if not given and was_undone_by(session, gift.id, author.id):
            return False
        raise GiftGone
    if standing.handed_over_at is not None:
        if given:
            return False
        raise GiftGone("Look at the coupon again: it was said meanwhile that the gift was handed over.")
    if session.scalar(select(Device.id).where(Device.id == standing.device_id, is_gone(now))) is None:
        raise GiftPending
    return True
