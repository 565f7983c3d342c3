"""Which life of the ledger this is. A ledger restored from a backup begins a new generation, and recovers: see restoring.py."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.db.models.ledger import Deployment
from redeem.lib.times import Ms

EPOCHS_PER_GENERATION = 2**32


@dataclass(frozen=True, slots=True)
class Life:
    """`campaigns_from`: the number from which campaigns are made. Changes below `changes_from` are forgotten.

    `awaits_forgotten`: nobody has said yet that all that was enrolled after the backup is here again.
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
        """Epochs of this generation are above it, and above all of the generations before."""
        return self.generation * EPOCHS_PER_GENERATION


LIFE = select(
    Deployment.generation,
    Deployment.recovering_since,
    Deployment.campaigns_from,
    Deployment.changes_from,
    Deployment.awaits_forgotten,
).where(Deployment.id == 1)
LIFE_AND_LOCK = LIFE.with_for_update()


def current(session: Session, *, lock: bool = False) -> Life:
    """This life; with `lock`, nobody else ends its recovery before this transaction ends."""
    row = session.connection().execute(LIFE_AND_LOCK if lock else LIFE).one_or_none()
    return Life(*row) if row else Life()
