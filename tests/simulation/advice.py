"""Checks what offline tablets say about who can give a coupon against what the server knew when the tablet last heard from it."""

from collections import defaultdict
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, aliased

from redeem.db.models.coupons import Coupon
from redeem.db.models.devices import Device
from redeem.db.models.partners import Store
from redeem.lib.ids import coupon_id
from redeem.lib.times import Ms

Known = frozenset[tuple[str, str]]  # (coupon, who could give it: a device's id or a store's name)

# Made once: they are asked after every sync.
HOME, HOLDER = aliased(Store), aliased(Device)
PLACE = (
    select(Store.id, Store.partner_id).join(Device, Device.store_id == Store.id).where(Device.id == bindparam("device"))
)
WHEREABOUTS = (
    select(Coupon.serial, Coupon.holder_id, HOLDER.store_id, HOME.id, HOME.partner_id, HOME.name)
    .outerjoin(HOLDER, HOLDER.id == Coupon.holder_id)
    .outerjoin(HOME, HOME.id == Coupon.home_store_id)
)


@dataclass(frozen=True, slots=True)
class Advice:
    """What a device's screen said, as of a moment by its own clock."""

    device: str
    coupon: str
    named: str
    as_of: Ms


@dataclass
class Adviser:
    """`note_answer` keeps what the server knew at each answer to a device, `note_heard` when the device heard it.

    A tablet may be killed when it has kept what it heard and not yet when: then it knows more than it says. And an answer may come
    to a tablet that waits for it no more. So what it says must have been true at that answer or at a later one.
    """

    said: list[Advice] = field(default_factory=list)
    _answers: defaultdict[str, list[Known]] = field(default_factory=lambda: defaultdict(list))
    _heard: dict[tuple[str, Ms], int] = field(default_factory=dict)

    def note_answer(self, device: str, known: Known) -> int:
        """Returns the number of this answer to the device."""
        self._answers[device].append(known)
        return len(self._answers[device]) - 1

    def note_heard(self, device: str, answer: int, at: Ms) -> None:
        """`at` by the device's clock. Of two at one moment, one late, the tablet may have taken either."""
        self._heard[device, at] = min(answer, self._heard.get((device, at), answer))

    def nonsense(self) -> Advice | None:
        """Returns the wrong advice since the last call."""
        said, self.said = self.said, []
        return next((each for each in said if not self._was_so(each)), None)

    def _was_so(self, advice: Advice) -> bool:
        heard = self._heard.get((advice.device, advice.as_of))
        later = self._answers[advice.device][heard:] if heard is not None else []
        return any((advice.coupon, advice.named) in known for known in later)


def who_can_give(session: Session, device_id: str) -> Known:
    """To this tablet: its store's tablets what they hold, the partner's other stores what is expected there and held nowhere else."""
    place = session.execute(PLACE, {"device": device_id}).one_or_none()
    if place is None:
        return frozenset()
    store_id, partner_id = place
    rows = session.execute(WHEREABOUTS).all()
    known: set[tuple[str, str]] = set()
    for serial, holder_id, holds_at, home_id, home_partner, home_name in rows:
        if holder_id and holds_at == store_id:
            known.add((coupon_id(serial), holder_id))
        if home_partner == partner_id and home_id != store_id and holds_at in (None, home_id):
            known.add((coupon_id(serial), home_name))
    return frozenset(known)
