"""The shop's API for events: what happened, in order, so that a reader misses nothing."""

from flask import Blueprint, Response

from redeem.accounts.api_keys import READ
from redeem.events import reader
from redeem.web.api.event_shapes import EventList, EventQuery
from redeem.web.api.operation import answer, operation
from redeem.web.context import read

blueprint = Blueprint("events", __name__, url_prefix="/v1")


@blueprint.get("/events")
@operation(
    "List events",
    caller="shop",
    scope=READ,
    query=EventQuery,
    answers={200: EventList},
    problems=("other_generation", "events_deleted"),
)
def list_events(query: EventQuery) -> Response:
    """Everything that happened to coupons, oldest first, in the order in which it was committed. Without `after` it begins with the oldest
    event that is kept. Keep `next_after` together with what you did: sent as `after`, it gives what follows, and misses nothing.

    The events of one coupon come in the order in which they happened. An event may come twice, after a restore: take each `id` once.
    """
    return answer(EventList.of(read(lambda session: reader.read(session, query.cursor, query.limit))))
