"""Devices that were enrolled after the backup, which the restored ledger does not know."""

from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Change
from redeem.accounts.roles import WHOLE, Scope
from redeem.db.models.ledger import Deployment
from redeem.devices import forgotten
from redeem.devices.forgotten import Caller
from redeem.ledger import recovery_reports
from redeem.ledger.generation import current
from redeem.lib.times import Ms
from redeem.sync import quarantine


@dataclass(frozen=True, slots=True)
class StillForgotten:
    """Tablets that were enrolled after the backup and still matter.

    Some have called and not handed in their whole journal. The journals of others wait in quarantine, and until a manager admits
    them none of their gifts is booked.
    """

    callers: list[Caller]
    journals: list[quarantine.Waiting]

    def __len__(self) -> int:
        """Return how many tablets still miss something."""
        return len({each.device_id for each in self.callers} | {each.device_id for each in self.journals})


def find_still_forgotten(session: Session, now: Ms, scope: Scope = WHOLE) -> StillForgotten:
    waiting = quarantine.list_waiting(session, scope)
    journals = [each for each in waiting if each.device_name is None]
    return StillForgotten(forgotten.list_callers(session, now, scope), journals)


def go_on_without_forgotten(session: Session, manager_id: str, now: Ms, missing: int = 0) -> bool:
    """Record a manager's word that of the devices enrolled after the backup none is missing but these `missing` tablets.

    What was known of them is recorded too. False, and nothing is changed, if the number is another now, or if it was said before.
    """
    life = current(session, lock=True)
    found = find_still_forgotten(session, now)
    if not life.awaits_forgotten or len(found) != missing:
        return False
    what = {
        "name": ", ".join(each.device_name for each in found.callers) or "–",
        "devices": [each.device_id for each in found.callers],
        "journals": [each.device_id for each in found.journals],
    }
    subject = f"generation {life.generation}"
    audit.note(session, manager_id, Change.FORGOTTEN_SETTLED, subject, now, scope=WHOLE, **what)
    session.execute(update(Deployment).values(awaits_forgotten=False))
    recovery_reports.end_if_complete(session)
    return True
