"""Gifts that a device undid after its campaign's limit: listed, and counted by device. The gift may have come back, so each undo counts."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from redeem.accounts.roles import WHOLE, Scope, within
from redeem.db.lines import page_of_lines, select_as
from redeem.db.models.devices import Clerk, Device
from redeem.db.models.ledger import Act, Reversal
from redeem.db.models.partners import Partner, Store
from redeem.db.paging import Page, Slice
from redeem.lib.ids import coupon_id
from redeem.lib.times import MS_PER_DAY, Ms

COUNTED_MS = 30 * MS_PER_DAY


@dataclass(frozen=True, slots=True)
class LateUndo:
    """A gift and its undo. `given_at` and `undone_at` are when the server heard of each. `id` is the redemption's."""

    id: str
    serial: int
    given_at: Ms
    undone_at: Ms
    reason: str
    device_id: str
    device_name: str
    store_name: str
    partner_name: str
    time_zone: str
    clerk_name: str | None

    @property
    def coupon(self) -> str:
        return coupon_id(self.serial)


IS_LATE = Reversal.late.is_(true())
LATE_UNDO = (
    select_as(
        LateUndo,
        id=Reversal.act_id,
        serial=Act.serial,
        given_at=Act.at,
        undone_at=Reversal.at,
        reason=Reversal.reason,
        device_id=Device.id,
        device_name=Device.name,
        store_name=Store.name,
        partner_name=Partner.name,
        time_zone=Store.time_zone,
        clerk_name=Clerk.name,
    )
    .join(Act, Act.id == Reversal.act_id)
    .join(Device, Device.id == Act.device_id)
    .join(Store, Store.id == Act.store_id)
    .join(Partner, Partner.id == Store.partner_id)
    .outerjoin(Clerk, Clerk.id == Act.clerk_id)
    .where(IS_LATE)
)


def list_late_undos(
    session: Session, page: Page, scope: Scope = WHOLE, device_id: str | None = None
) -> Slice[LateUndo]:
    """Return the late undos of gifts within the scope, of the newest gift first; of one device, if it is named."""
    wanted = within(LATE_UNDO, scope, Act.store_id)
    if device_id is not None:
        wanted = wanted.where(Act.device_id == device_id)
    return page_of_lines(session, LateUndo, wanted, Reversal.act_id.expression, page)


def count_late_undos(session: Session, now: Ms, scope: Scope = WHOLE) -> Mapping[str, int]:
    """Return by device how many of its gifts were undone late in the last 30 days."""
    counted = select(Act.device_id, func.count()).join_from(Reversal, Act, Act.id == Reversal.act_id)
    recent = counted.where(IS_LATE, Reversal.at > now - COUNTED_MS).group_by(Act.device_id)
    return dict(session.execute(within(recent, scope, Act.store_id)).all())
