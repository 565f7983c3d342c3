"""The bodies of a tablet's requests."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from redeem.ledger import recovery_reports
from redeem.ledger.sealed_copies import COPIES_PER_REQUEST_MAX, COPY_MAX_CHARACTERS
from redeem.sync.damaged_journals import PART_BYTES_MAX, Damage
from redeem.sync.tablet import ENTRIES_PER_SYNC_MAX

SIBLINGS_MAX = 1_000  # tablets of one store
HOMES_MAX = 1_000  # campaigns of one store


class Body(BaseModel):
    """What every request of a tablet has."""

    # Unknown members are ignored: an old server must take the journal of a newer app.
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")
    v: Literal[1]


class EnrolBody(Body):
    token: Annotated[str, Field(max_length=2048)]
    public_key: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{43}$")]


class UnlockBody(Body):
    clerk: Annotated[str, Field(max_length=40)]
    pin: Annotated[str, Field(max_length=20)]


class EntryBody(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")
    text: str
    signature: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{86}$")]


SealedProof = Annotated[str, Field(max_length=2048)]
DeviceId = Annotated[str, Field(pattern="^dev_[0-9A-Z]{26}$")]
PART_CHARACTERS_MAX = -(-PART_BYTES_MAX * 4 // 3)  # as base64url


class OldJournalBody(BaseModel):
    """Entries of an earlier device that this tablet was before it lost its key, and that device's proof of enrolment."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")
    device: DeviceId
    proof: SealedProof | None = None
    entries: Annotated[list[EntryBody], Field(max_length=ENTRIES_PER_SYNC_MAX)]


Epoch = Annotated[int, Field(ge=0, lt=2**53)]
CampaignNumber = Annotated[str, Field(pattern="^[0-9]{1,10}$")]
CouponCount = Annotated[int, Field(ge=0, le=2**32)]
SealedCopy = Annotated[str, Field(max_length=COPY_MAX_CHARACTERS)]
ClaimProof = Annotated[str, Field(max_length=86)]
# Campaign number, coupon number, epoch; and the proof of the grant, from a tablet that has it.
Claim = (
    Annotated[tuple[Epoch, Epoch, Epoch], Field(strict=False)]
    | Annotated[tuple[Epoch, Epoch, Epoch, ClaimProof], Field(strict=False)]
)


class ReceiptBody(BaseModel):
    """The newest receipt that the tablet was given."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")
    generation: Annotated[int, Field(ge=1, lt=2**31)]
    number: Annotated[int, Field(ge=1, lt=2**53)]
    hash: Annotated[str, Field(max_length=64)]
    at: Annotated[int, Field(ge=0, lt=2**53)]
    proof: Annotated[str, Field(max_length=86)]


class SyncBody(Body):
    after: Annotated[int, Field(ge=0)]
    entries: Annotated[list[EntryBody], Field(max_length=ENTRIES_PER_SYNC_MAX)]
    time: int | None = None
    verify: Annotated[str, Field(max_length=512)] | None = None
    known: Annotated[str, Field(max_length=64)] | None = None
    epoch: Epoch = 0
    position: Annotated[str, Field(max_length=40)] | None = None
    siblings: Annotated[dict[Annotated[str, Field(max_length=40)], Epoch], Field(max_length=SIBLINGS_MAX)] = {}
    homes: Annotated[dict[CampaignNumber, CouponCount], Field(max_length=HOMES_MAX)] = {}
    receipt: ReceiptBody | None = None
    # A report to a restored server: the generation that the tablet knows, its journal's last number, and its holds, in parts.
    generation: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    end: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    claims: Annotated[list[Claim], Field(max_length=recovery_reports.CLAIMS_PER_REQUEST_MAX)] = []
    more_claims: bool = False
    copies: Annotated[list[SealedCopy], Field(max_length=COPIES_PER_REQUEST_MAX)] = []
    more_copies: bool = False
    old: OldJournalBody | None = None
    # From a tablet that the server does not know: its proof of enrolment.
    proof: SealedProof | None = None


class DamageBody(Body):
    """A part of a damaged journal's file, with the entries that begin in it, and the proof of enrolment of the device that wrote it."""

    device: DeviceId
    damage: Damage = Field(strict=False)
    file: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{43}$")]
    size: Annotated[int, Field(ge=0, lt=2**53)]
    start: Annotated[int, Field(ge=0, lt=2**53)]
    bytes: Annotated[str, Field(max_length=PART_CHARACTERS_MAX, pattern="^[A-Za-z0-9_-]*$")] = ""
    entries: Annotated[list[EntryBody], Field(max_length=ENTRIES_PER_SYNC_MAX)] = []
    end: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    proof: SealedProof | None = None


class BellBody(Body):
    epoch: Epoch = 0


class SetsBody(Body):
    campaign: Annotated[int, Field(ge=0, lt=2**31)]
