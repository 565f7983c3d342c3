"""Batches: many coupons of a campaign, asked for at once and made by a job, a block at a time.

`plan` notes what is wanted, in the transaction that answers the request. `make_some` makes a part of it, in a step of the job: the
numbers, the coupons and the progress are committed together. So whatever ends a worker, each item gets one coupon.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Author, Change
from redeem.coupons import issue
from redeem.coupons.campaigns import CampaignStopped, NotIssuing, get_campaign
from redeem.coupons.issue import Issued, Mint, NewCoupon
from redeem.coupons.order_keys import NEEDED
from redeem.db.lines import line, lines, page_of_lines, select_as
from redeem.db.models.coupons import Batch, BatchBlock, BatchPart, Coupon
from redeem.db.models.jobs import Job
from redeem.db.paging import Page, Slice
from redeem.domain.rules import can_issue
from redeem.domain.terms import Terms, parse_terms
from redeem.jobs import queue
from redeem.jobs.queue import Task
from redeem.lib.errors import Conflict, Invalid
from redeem.lib.ids import NUMBER_LIMIT, campaign_id, new_id
from redeem.lib.times import Ms, local_day

KIND = "batch"
COUNT_MAX = 1_000_000
ITEMS_MAX = 10_000
ITEMS_PER_BLOCK = 200
FAULTS_TOLD_MAX = 100
# The ledger is restored from a backup: nobody knows which of the batch's coupons were issued since.
RESTORED = "restored"


class BatchNotFinished(Conflict):
    """The batch's coupons are not all made."""

    code = "batch_not_finished"
    default_detail = "Wait until the batch's `status` is no longer `running`, then ask for its coupons."


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch and how far it is: `made` of `items` have their coupon, `existing` of these one that was there before.

    `error_code`: why it has failed; the coupons that were made stay.
    """

    id: str
    campaign: int
    items: int
    made: int
    existing: int
    state: str
    error_code: str | None
    created_at: Ms
    finished_at: Ms | None

    @property
    def campaign_id(self) -> str:
        return campaign_id(self.campaign)


@dataclass(frozen=True, slots=True, order=True)
class MadeCoupon:
    """A coupon of a batch, as it is exported."""

    serial: int
    key_id: int
    last_day: int
    short_code: str
    order_ref: str | None
    home_store_id: str | None


MADE = select_as(
    MadeCoupon,
    serial=Coupon.serial,
    key_id=Coupon.key_id,
    last_day=Coupon.last_day,
    short_code=Coupon.short_code,
    order_ref=Coupon.order_ref,
    home_store_id=Coupon.home_store_id,
)
EXISTING = (
    select(func.coalesce(func.sum(BatchBlock.items), 0))
    .where(BatchBlock.batch_id == Batch.id, BatchBlock.existing)
    .correlate(Batch)
    .scalar_subquery()
)
BATCH = select_as(
    BatchView,
    id=Batch.id,
    campaign=Batch.campaign_number,
    items=Batch.items,
    made=Job.done,
    existing=EXISTING,
    state=Job.state,
    error_code=Job.error_code,
    created_at=Batch.created_at,
    finished_at=Job.finished_at,
).join(Job, (Job.subject == Batch.id) & (Job.kind == KIND))


# Asked for.


def plan(
    session: Session, author: Author, campaign: int | None, wanted: int | Sequence[NewCoupon], zone: str, now: Ms
) -> BatchView:
    """Put a batch into the queue: so many coupons, or these. Raises NotFound, Invalid, CampaignStopped, NotIssuing.

    What is wrong with an item is told now, and nothing is made then.
    """
    found = get_campaign(session, campaign)
    terms = parse_terms(found.terms)
    if found.stopped_at is not None:
        raise CampaignStopped
    if not can_issue(terms, local_day(now, zone)):
        raise NotIssuing
    items = wanted if isinstance(wanted, int) else len(wanted)
    if found.coupons + items > NUMBER_LIMIT:
        raise Invalid("A campaign has room for 4,294,967,296 coupons. Make a new campaign.")
    refuse_faults(session, terms, wanted)
    batch = Batch(id=new_id("bat", now), campaign_number=found.number, items=items, created_at=now)
    session.add(batch)
    session.flush()
    if not isinstance(wanted, int):
        session.execute(insert(BatchPart), list(parts(batch.id, wanted)))
    queue.put(session, KIND, batch.id, items, now)
    audit.note(session, author.id, Change.BATCH_ASKED, batch.id, now, name=found.name, coupons=items)
    return get_batch(session, batch.id)


def refuse_faults(session: Session, terms: Terms, wanted: int | Sequence[NewCoupon]) -> None:
    """Raises Invalid, with a fault for each item that does not name its order or whose home is not one of the campaign's stores."""
    if isinstance(wanted, int):
        if NEEDED[terms.once_per]:
            raise Invalid("Send `items` that name their orders: this campaign gives one coupon for each.")
        return
    wrong = wrong_homes(session, terms, {each.home_store_id for each in wanted})
    faults = [
        {"pointer": f"/items/{number}/{name}", "detail": detail}
        for number, each in enumerate(wanted)
        for name, detail in faults_of(terms, each, wrong)
    ]
    if faults:
        raise Invalid("Correct the items that the errors point to.", errors=faults[:FAULTS_TOLD_MAX])


def faults_of(terms: Terms, item: NewCoupon, wrong: set[str | None]) -> Iterator[tuple[str, str]]:
    """Yield the member and what is wrong with it."""
    for name in NEEDED[terms.once_per]:
        if getattr(item, name) is None:
            yield name, "required by the campaign's once_per"
    if item.home_store_id in wrong:
        yield "home_store", "not one of the campaign's stores"


def wrong_homes(session: Session, terms: Terms, homes: set[str | None]) -> set[str | None]:
    wrong = set()
    for home in homes:
        try:
            issue.check_home(session, terms, home)
        except Invalid:
            wrong.add(home)
    return wrong


def parts(batch_id: str, wanted: Sequence[NewCoupon]) -> Iterator[dict[str, Any]]:
    """Yield the rows that keep what is said of the items, one for each block."""
    for start in range(0, len(wanted), ITEMS_PER_BLOCK):
        said = [asdict(each) for each in wanted[start : start + ITEMS_PER_BLOCK]]
        yield {"batch_id": batch_id, "item": start, "said": {"items": said}}


# Made.


def make_some(session: Session, task: Task, mint: Mint, now: Ms, has_time: Callable[[], bool]) -> int:
    """Make the next block of the batch, and further ones while `has_time()`. Return of how many items the coupons were made.

    Raises as issue.issue_many.
    """
    batch, item = session.get_one(Batch, task.subject), task.done
    while item < batch.items:
        wanted = next_items(session, batch, item)
        note_coupons(session, batch.id, item, issue.issue_many(session, batch.campaign_number, wanted, mint, now))
        item += len(wanted)
        if not has_time():
            break
    return item - task.done


def next_items(session: Session, batch: Batch, item: int) -> Sequence[NewCoupon]:
    """Return the items of the next block, and forget what was said of them: the coupons have it from now on."""
    here = BatchPart.batch_id == batch.id, BatchPart.item == item
    said = session.scalar(select(BatchPart.said).where(*here))
    if said is None:
        return [NewCoupon(batch.campaign_number)] * min(ITEMS_PER_BLOCK, batch.items - item)
    session.execute(delete(BatchPart).where(*here))
    return [NewCoupon(**each) for each in said["items"]]


def note_coupons(session: Session, batch_id: str, item: int, issued: Sequence[Issued]) -> None:
    """Note which coupons the items from `item` on have got. Coupons with numbers that follow one another are one block."""
    newest = select(BatchBlock).where(BatchBlock.batch_id == batch_id).order_by(BatchBlock.item.desc()).limit(1)
    block = session.scalar(newest)
    starts = [place for place, one in enumerate(issued) if place == 0 or not follows(issued[place - 1], one)]
    for start, end in pairwise([*starts, len(issued)]):
        one = issued[start]
        if start == 0 and block and (block.serial + block.items, block.existing) == (one.coupon.serial, one.existing):
            block.items += end
        else:
            values = {"item": item + start, "items": end - start, "serial": one.coupon.serial, "existing": one.existing}
            session.add(BatchBlock(batch_id=batch_id, **values))
    session.flush()


def follows(before: Issued, one: Issued) -> bool:
    return one.coupon.serial == before.coupon.serial + 1 and one.existing == before.existing


# Looked at.


def get_batch(session: Session, batch_id: str) -> BatchView:
    """Raises NotFound."""
    return line(session, BatchView, BATCH.where(Batch.id == batch_id))


def list_batches(session: Session, campaign: int | None, page: Page) -> Slice[BatchView]:
    """Return a campaign's batches, newest first. Raises NotFound."""
    number = get_campaign(session, campaign).number
    return page_of_lines(session, BatchView, BATCH.where(Batch.campaign_number == number), Batch.id.expression, page)


def ended_batch(session: Session, batch_id: str) -> BatchView:
    """Return a batch of which no more coupons are made. Raises NotFound, BatchNotFinished."""
    batch = get_batch(session, batch_id)
    if batch.finished_at is None:
        raise BatchNotFinished(made=batch.made, count=batch.items)
    return batch


def coupons_from(session: Session, batch_id: str, item: int, most: int) -> list[MadeCoupon]:
    """Return the coupons of the items from `item` on, at most so many, in the order of the items."""
    later = BatchBlock.batch_id == batch_id, BatchBlock.item + BatchBlock.items > item, BatchBlock.item < item + most
    places: dict[int, list[int]] = {}
    for block in session.scalars(select(BatchBlock).where(*later)):
        for place in range(max(item, block.item), min(item + most, block.item + block.items)):
            places.setdefault(block.serial + place - block.item, []).append(place)
    found = []
    for start, end in runs(sorted(places)):
        found += lines(session, MadeCoupon, MADE.where(Coupon.serial.between(start, end)))
    return [coupon for _, coupon in sorted((place, coupon) for coupon in found for place in places[coupon.serial])]


def runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of each run of numbers that follow one another."""
    start = 0
    for place, number in enumerate(numbers, start=1):
        if place == len(numbers) or numbers[place] != number + 1:
            yield numbers[start], number
            start = place


def stop_all(session: Session, now: Ms) -> None:
    """A backup was put back: batches that are not finished in it end. The shop may have what they made since, under other numbers."""
    queue.fail_all(session, KIND, RESTORED, now)
