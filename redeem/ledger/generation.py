"""The generation of the ledger. A restore from a backup begins a new one and a recovery: see recovery/restore.py."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from redeem.db.lines import checked, select_as
from redeem.db.models.ledger import Deployment
from redeem.lib.times import Ms

EPOCHS_PER_GENERATION = 2**32


@dataclass(frozen=True, slots=True)
class Life:
    """The state of the ledger as a whole. New campaigns get numbers from `campaigns_from` on; changes below `changes_from` were deleted.

    `awaits_forgotten`: no manager has said yet that every tablet that was enrolled after the backup is enrolled again.
    """

    generation: int = 1
    recovering_since: Ms | None = None
    campaigns_from: int = 0
    changes_from: int = 0
    awaits_forgotten: bool = False

    @property
    def is_recovering(self) -> bool:
        return self.recovering_since is not None

    @property
    def first_epoch(self) -> int:
        """All epochs of this generation are greater, and all epochs of earlier generations are smaller."""
        return self.generation * EPOCHS_PER_GENERATION


LIFE = select_as(
    Life,
    generation=Deployment.generation,
    recovering_since=Deployment.recovering_since,
    campaigns_from=Deployment.campaigns_from,
    changes_from=Deployment.changes_from,
    awaits_forgotten=Deployment.awaits_forgotten,
).where(Deployment.id == 1)
LIFE_AND_LOCK = LIFE.with_for_update()
life_of = checked(Life, LIFE)


def current(session: Session, *, lock: bool = False) -> Life:
    """Return the state of the ledger. With `lock`, no other transaction can end the recovery before this one ends."""
    row = session.connection().execute(LIFE_AND_LOCK if lock else LIFE).one_or_none()
    return life_of(*row) if row else Life()
