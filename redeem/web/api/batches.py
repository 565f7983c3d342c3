"""The shop's API for batches: many coupons of a campaign at once, and what they became."""

from flask import Blueprint, Response

from redeem.accounts.api_keys import ISSUE, READ
from redeem.coupons import batches
from redeem.lib.errors import Invalid, NotFound
from redeem.lib.ids import campaign_of, is_id
from redeem.web import batch_files
from redeem.web.api.auth import shop_caller
from redeem.web.api.batch_shapes import Batch, BatchBody, BatchList, BatchQuery
from redeem.web.api.operation import answer, once, operation
from redeem.web.context import context, now_ms, read
from redeem.web.streams import streamed

blueprint = Blueprint("batches", __name__, url_prefix="/v1")


@blueprint.post("/campaigns/<campaign>/batches")
@operation(
    "Issue many coupons",
    caller="shop",
    scope=ISSUE,
    keyed=True,
    body=BatchBody,
    answers={202: Batch},
    problems=("not_found", "not_issuing", "campaign_stopped"),
)
def create_batch(key: str, body: BatchBody, campaign: str) -> Response:
    """By `count`, up to 1,000,000; or by `items`, a coupon for each, up to 10,000. The coupons are made after the answer: ask for the
    batch until its `status` is no longer `running`.

    The same request under the same Idempotency-Key is the same batch. A batch that ends as `failed` has an `error`; the coupons that were
    made are good. `campaign_stopped`, `not_issuing`, `no_signing_key`, `awaits_shop`, `ledger_behind`: as when one coupon is issued.
    `restored`: a backup was put back while the batch was under way; ask for what you did not get by another batch. `internal`,
    `worker_died`: it was tried ten times; whoever runs the server finds why in the log. Of the coupons no `coupon.issued` event is told.
    """
    author, now, zone, number = shop_caller().author, now_ms(), context().settings.time_zone, campaign_of(campaign)
    wanted = body.wanted(number or 0)
    return once(key, body, 202, lambda s: Batch.of(batches.plan(s, author, number, wanted, zone, now)))


@blueprint.get("/campaigns/<campaign>/batches")
@operation(
    "List a campaign's batches",
    caller="shop",
    scope=READ,
    query=BatchQuery,
    answers={200: BatchList},
    problems=("not_found",),
)
def list_batches(query: BatchQuery, campaign: str) -> Response:
    page = query.page(str)
    found = read(lambda session: batches.list_batches(session, campaign_of(campaign), page))
    return answer(BatchList(data=[Batch.of(view) for view in found.items], has_more=found.has_more))


@blueprint.get("/batches/<batch>")
@operation("Look a batch up", caller="shop", scope=READ, answers={200: Batch}, problems=("not_found",))
def get_batch(batch: str) -> Response:
    return answer(Batch.of(read(lambda session: batches.get_batch(session, known_id(batch)))))


@blueprint.get("/batches/<batch>/coupons.csv")
@operation(
    "A batch's coupons as CSV",
    caller="shop",
    scope=ISSUE,
    answers={200: "text/csv"},
    problems=("not_found", "batch_not_finished", "no_signing_key"),
)
def export_coupons(batch: str) -> Response:
    """A line for each item, in their order: the coupon's id, its link, short code, order, home and last day. The file has a byte order
    mark, and a cell that a spreadsheet would take for a formula begins with an apostrophe.

    It is signed and sent as it is read, of any length. If the connection breaks on the way it is shorter: compare the lines with `made`.
    """
    found = read(lambda session: batches.ended_batch(session, known_id(batch)))
    return streamed(batch_files.csv_of(context(), found), "text/csv", f"{found.id}.csv")


@blueprint.get("/batches/<batch>/qr.zip")
@operation(
    "The QRs of a batch's coupons as a ZIP",
    caller="shop",
    scope=ISSUE,
    answers={200: "application/zip"},
    problems=("not_found", "batch_not_finished", "no_signing_key", "invalid"),
)
def export_pictures(batch: str) -> Response:
    """An SVG for each item, as `qr.svg` of a coupon, of a batch with up to 20,000 coupons."""
    found = read(lambda session: batches.ended_batch(session, known_id(batch)))
    if found.made > batch_files.PICTURES_MAX:
        raise Invalid("A ZIP has up to 20,000 pictures. Take the links from coupons.csv, or issue smaller batches.")
    return streamed(batch_files.zip_of(context(), found), "application/zip", f"{found.id}.zip")


def known_id(batch: str) -> str:
    """Raises NotFound for what can be no batch's id."""
    if not is_id("bat", batch):
        raise NotFound("Check the batch's id: there is no such batch.")
    return batch
