"""Events: what is told of coupons, in a closed vocabulary, and the id that each event has for ever."""

from enum import StrEnum
from hashlib import sha256

from redeem.lib.ids import crockford

ID_BYTES, ID_CHARACTERS = 16, 26


class EventType(StrEnum):
    """The types of events. To one subject, a coupon or a gift, an event of one type happens once."""

    ISSUED = "coupon.issued"
    REDEEMED = "coupon.redeemed"
    VOID_REQUESTED = "coupon.void_requested"
    VOIDED = "coupon.voided"
    REVERSED = "redemption.reversed"
    CONFLICTED = "redemption.conflicted"
    CONTESTED = "redemption.contested"
    DECIDED = "redemption.decided"


def event_id(kind: EventType, subject: str) -> str:
    """Return the event's id: the same for the same subject, whenever it is told, and by whichever copy of the ledger.

    The subject of an event is a coupon's id, or the name of a gift: see `acts.gift_name`.
    """
    digest = sha256(f"redeem-event-v1\0{kind}\0{subject}".encode()).digest()
    return f"evt_{crockford(int.from_bytes(digest[:ID_BYTES]), ID_CHARACTERS)}"
