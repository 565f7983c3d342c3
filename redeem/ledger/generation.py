"""The generation of the ledger. A restore from a backup begins a new one and a recovery: see recovery/restore.py."""

from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from redeem.db.engine import Retry
from redeem.db.lines import checked, select_as
from redeem.db.models.ledger import Deployment
from redeem.domain.proofs import EPOCHS_PER_GENERATION, Evidence, generation_of
from redeem.lib.errors import RedeemError
from redeem.lib.times import Ms


class LedgerBehind(RedeemError):
    """A device has shown what we signed in `generation`, a grant or a receipt, and this ledger does not have."""

    code = "ledger_behind"
    default_detail = "This server runs on an old copy of its database. Call whoever runs it; nothing is lost, send the same again later."

    def __init__(self, generation: int) -> None:
        super().__init__()
        self.generation = generation


@dataclass(frozen=True, slots=True)
class Life:
    """The state of the ledger as a whole. New campaigns get numbers from `campaigns_from` on, new signing keys from `keys_from` on; changes
    below `changes_from` were deleted. All restores together have skipped `skipped_numbers` coupon numbers in each campaign.

    `awaits_forgotten`: no manager has said yet that every tablet that was enrolled after the backup is enrolled again.
    `behind_generation`: a device has shown what we signed in that generation and the ledger lacks, so it is an old copy, and nothing new
    is decided on it. `awaits_shop`: the shop has not said yet that it has said again what it issued since the backup.
    """

    generation: int = 1
    recovering_since: Ms | None = None
    campaigns_from: int = 0
    changes_from: int = 0
    keys_from: int = 0
    skipped_numbers: int = 0
    awaits_forgotten: bool = False
    behind_generation: int | None = None
    awaits_shop: bool = False

    @property
    def is_recovering(self) -> bool:
        return self.recovering_since is not None

    @property
    def only_holders_give(self) -> bool:
        """Return whether nothing new is granted or decided: the ledger recovers, or it is an old copy."""
        return self.is_recovering or self.behind_generation is not None

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
    keys_from=Deployment.keys_from,
    skipped_numbers=Deployment.skipped_numbers,
    awaits_forgotten=Deployment.awaits_forgotten,
    behind_generation=Deployment.behind_generation,
    awaits_shop=Deployment.awaits_shop,
).where(Deployment.id == 1)
LIFE_AND_LOCK = LIFE.with_for_update()
life_of = checked(Life, LIFE)


def refuse_if_behind(life: Life, evidence: Evidence, serial: int) -> None:
    """Raise LedgerBehind for a grant of this coupon that we signed in a generation which the ledger has not reached."""
    if evidence.epoch is None or generation_of(evidence.epoch) <= life.generation:
        return
    if evidence.has_grant(serial):
        raise LedgerBehind(generation_of(evidence.epoch))


def note_behind(session: Session, generation: int) -> None:
    """Record that this ledger is an old copy: it lacks what we signed in this generation. Only holders give from now on."""
    row = session.get(Deployment, 1, with_for_update=True) or first_row(session)
    if row.generation <= generation:
        row.behind_generation = generation
        session.flush()


def first_row(session: Session) -> Deployment:
    """Insert the deployment's row. Raises Retry if a concurrent transaction has just done so."""
    row = Deployment(id=1)
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error
    return row


def current(session: Session, *, lock: bool = False) -> Life:
    """Return the state of the ledger. With `lock`, no other transaction can end the recovery before this one ends."""
    row = session.connection().execute(LIFE_AND_LOCK if lock else LIFE).one_or_none()
    return life_of(*row) if row else Life()
