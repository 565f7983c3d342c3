"""The acts that a server may die in, each made ready by what was said of it; performing it answers the code."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from redeem.accounts import idempotency
from redeem.accounts.idempotency import Mutation
from redeem.coupons import batches
from redeem.coupons import issue as coupon_issue
from redeem.coupons.issue import NewCoupon
from redeem.db.engine import Database
from redeem.domain.journal import Entry, read_entry
from redeem.jobs import queue
from redeem.ledger import signing
from redeem.lib.sealing import Sealer
from redeem.sync import sync as tablet_sync
from redeem.sync.sync import Request
from tests import factories
from tests.factories import NOW, PROOFS, SECRET, Issued, mint
from tests.tills import till_of

Said = dict[str, Any]
Perform = Callable[[], str]


def redeem(database: Database, said: Said) -> Perform:
    till, coupon = replace(till_of(database, said["key"]), quickly=False), Issued(said["serial"], "", said["token"], "")
    return lambda: till.redeem(coupon, said["name"]).code


def cancel(database: Database, said: Said) -> Perform:
    till = till_of(database, said["key"])
    return lambda: till.cancel(said["name"]).code


def reverse(database: Database, said: Said) -> Perform:
    till = till_of(database, said["key"])
    return lambda: till.reverse(said["redemption"], said["name"]).code


def sync(database: Database, said: Said) -> Perform:
    """A tablet hands in its last entry."""
    entry = read_entry(said["text"], b64decode(said["signature"]))
    request, ring = Request(entries=[entry], device_time=NOW), database.read(signing.load_ring)
    signer = database.read(lambda session: signing.load_signer(session, Sealer([SECRET])))

    def perform() -> str:
        reply = database.write(
            lambda session: tablet_sync.sync(session, said["device"], request, ring, lambda: signer, PROOFS, NOW)
        )
        code: str = reply.answers[entry.number]["code"]
        return code

    return perform


def of_entry(entry: Entry) -> Said:
    return {"text": entry.text, "signature": b64encode(entry.signature).decode()}


def issue(database: Database, said: Said) -> Perform:
    """As the shop's API does it: once for each Idempotency-Key."""
    mutation = Mutation(said["prefix"], said["name"], "the body")

    def work(session: Any) -> tuple[int, bytes]:
        issued = coupon_issue.issue(session, NewCoupon(said["campaign"]), mint(said["key_id"]), NOW)
        return 201, issued.coupon.id.encode()

    def perform() -> str:
        done = database.write(lambda session: idempotency.once(session, mutation, Sealer([SECRET]), NOW, work))
        return done.body.decode()

    return perform


def work(database: Database, said: Said) -> Perform:
    """A worker: takes a batch and makes its coupons, block by block, until none is left for it."""
    mint = factories.mint()

    def part(session: Any, task: Any) -> int:
        return batches.make_some(session, task, mint, NOW, lambda: False)

    def perform() -> str:
        lease = database.write(lambda session: queue.take(session, [batches.KIND], said["lease"], said["now"]))
        while lease and database.write(lambda session: queue.step(session, lease, part, said["now"])):
            pass
        return "done"

    return perform


ACTS: dict[str, Callable[[Database, Said], Perform]] = {
    "redeem": redeem,
    "cancel": cancel,
    "reverse": reverse,
    "sync": sync,
    "issue": issue,
    "work": work,
}
