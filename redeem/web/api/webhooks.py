"""The shop's API for webhook endpoints: the URLs that are told of events."""

from typing import Any

from flask import Blueprint, Response

from redeem.accounts.api_keys import MANAGE, READ
from redeem.lib.errors import Invalid, NotFound
from redeem.lib.ids import is_id
from redeem.web.api.auth import shop_caller
from redeem.web.api.edits import Tags
from redeem.web.api.operation import answer, once, operation
from redeem.web.api.shapes import Body
from redeem.web.api.webhook_shapes import (
    AttemptQuery,
    ResendBody,
    RotateBody,
    WebhookAttemptList,
    WebhookEndpoint,
    WebhookEndpointBody,
    WebhookEndpointList,
    WebhookEndpointPatch,
    WebhookEndpointWithSecret,
)
from redeem.web.context import context, now_ms, read
from redeem.webhooks import attempts, endpoints

blueprint = Blueprint("webhooks", __name__, url_prefix="/v1")


class Nothing(Body):
    """No members."""


@blueprint.post("/webhook-endpoints")
@operation(
    "Add a webhook endpoint",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    body=WebhookEndpointBody,
    tagged=True,
    answers={201: WebhookEndpointWithSecret},
    problems=("too_many_endpoints",),
)
def add_endpoint(key: str, body: WebhookEndpointBody) -> Response:
    """It is told of what happens from now on, as Standard Webhooks has it: by a signed POST of the event, as `GET /v1/events` tells it.
    Keep the `secret`: it is shown this once.
    """
    author, now, tools = shop_caller().author, now_ms(), context()

    def work(session: Any) -> WebhookEndpointWithSecret:
        shown = endpoints.add(
            session,
            author,
            body.url,
            now,
            sealer=tools.sealer,
            reach=tools.webhook_reach,
            description=body.description or "",
            types=body.types or (),
        )
        return WebhookEndpointWithSecret.of_shown(shown)

    return once(key, body, 201, work)


@blueprint.get("/webhook-endpoints")
@operation("List webhook endpoints", caller="shop", scope=READ, answers={200: WebhookEndpointList})
def list_endpoints() -> Response:
    sealer = context().sealer
    found = read(lambda session: endpoints.list_endpoints(session, sealer))
    return answer(WebhookEndpointList(data=[WebhookEndpoint.of(each) for each in found]))


@blueprint.get("/webhook-endpoints/<endpoint>")
@operation(
    "Look a webhook endpoint up",
    caller="shop",
    scope=READ,
    tagged=True,
    answers={200: WebhookEndpoint},
    problems=("not_found",),
)
def get_endpoint(endpoint: str) -> Response:
    sealer, endpoint_id = context().sealer, named(endpoint)
    return answer(WebhookEndpoint.of(read(lambda session: endpoints.get(session, endpoint_id, sealer))))


@blueprint.patch("/webhook-endpoints/<endpoint>")
@operation(
    "Change a webhook endpoint",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    body=WebhookEndpointPatch,
    tagged=True,
    edits=True,
    answers={200: WebhookEndpoint},
    problems=("not_found",),
)
def patch_endpoint(key: str, tags: Tags, body: WebhookEndpointPatch, endpoint: str) -> Response:
    """What was not sent yet goes to the new `url`."""
    author, now, tools, endpoint_id = shop_caller().author, now_ms(), context(), named(endpoint)

    def work(session: Any) -> WebhookEndpoint:
        body.check(WebhookEndpoint.of(endpoints.lock(session, endpoint_id, tools.sealer)), tags)
        changed = endpoints.change(
            session,
            author,
            endpoint_id,
            now,
            sealer=tools.sealer,
            reach=tools.webhook_reach,
            url=body.url,
            description=body.description,
            types=body.types,
        )
        return WebhookEndpoint.of(changed)

    return once(key, body, 200, work)


@blueprint.delete("/webhook-endpoints/<endpoint>")
@operation(
    "Delete a webhook endpoint",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    tagged=True,
    answers={200: WebhookEndpoint},
    problems=("not_found",),
)
def delete_endpoint(key: str, endpoint: str) -> Response:
    """Nothing more is sent to it. Answers with the endpoint as it was."""
    author, now, sealer, endpoint_id = shop_caller().author, now_ms(), context().sealer, named(endpoint)

    def work(session: Any) -> WebhookEndpoint:
        before = WebhookEndpoint.of(endpoints.get(session, endpoint_id, sealer))
        endpoints.delete(session, author, endpoint_id, now)
        return before

    return once(key, Nothing(), 200, work)


@blueprint.post("/webhook-endpoints/<endpoint>/rotate")
@operation(
    "Make another secret for a webhook endpoint",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    body=RotateBody,
    tagged=True,
    answers={200: WebhookEndpointWithSecret},
    problems=("not_found",),
)
def rotate_secret(key: str, body: RotateBody, endpoint: str) -> Response:
    """For `hours` (24 if you leave it out) each message carries the signatures of both secrets. Keep the new one: it is shown this once."""
    author, now, sealer, endpoint_id = shop_caller().author, now_ms(), context().sealer, named(endpoint)

    def work(session: Any) -> WebhookEndpointWithSecret:
        shown = endpoints.rotate(session, author, endpoint_id, body.overlap_ms, now, sealer=sealer)
        return WebhookEndpointWithSecret.of_shown(shown)

    return once(key, body, 200, work)


@blueprint.post("/webhook-endpoints/<endpoint>/enable")
@operation(
    "Enable a webhook endpoint",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    tagged=True,
    answers={200: WebhookEndpoint},
    problems=("not_found",),
)
def enable_endpoint(key: str, endpoint: str) -> Response:
    """It goes on where it stopped. Of what was deleted meanwhile, `missed` says when it was recorded. One that fails is tried at once."""
    author, now, sealer, endpoint_id = shop_caller().author, now_ms(), context().sealer, named(endpoint)

    def work(session: Any) -> WebhookEndpoint:
        return WebhookEndpoint.of(endpoints.enable(session, author, endpoint_id, now, sealer=sealer))

    return once(key, Nothing(), 200, work)


@blueprint.post("/webhook-endpoints/<endpoint>/disable")
@operation(
    "Disable a webhook endpoint",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    tagged=True,
    answers={200: WebhookEndpoint},
    problems=("not_found",),
)
def disable_endpoint(key: str, endpoint: str) -> Response:
    """Nothing is sent until it is enabled."""
    author, now, sealer, endpoint_id = shop_caller().author, now_ms(), context().sealer, named(endpoint)

    def work(session: Any) -> WebhookEndpoint:
        return WebhookEndpoint.of(endpoints.disable(session, author, endpoint_id, now, sealer=sealer))

    return once(key, Nothing(), 200, work)


@blueprint.post("/webhook-endpoints/<endpoint>/resend")
@operation(
    "Send events to a webhook endpoint again",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    body=ResendBody,
    tagged=True,
    answers={202: WebhookEndpoint},
    problems=("not_found", "endpoint_disabled", "conflict"),
)
def resend_events(key: str, body: ResendBody, endpoint: str) -> Response:
    """One `event` is tried once; the attempts say what came of it. All events `after` one are sent as if they were new, in their order.
    They keep their ids, so a receiver that takes each id once is not told twice.
    """
    author, now, sealer, endpoint_id = shop_caller().author, now_ms(), context().sealer, named(endpoint)
    if (body.event is None) == (body.after is None):
        raise Invalid("Give `event` or `after`, one of the two.")

    def work(session: Any) -> WebhookEndpoint:
        if body.event is not None:
            endpoints.resend(session, author, endpoint_id, body.event, now)
        else:
            endpoints.resend_after(session, author, endpoint_id, body.after or "", now)
        return WebhookEndpoint.of(endpoints.get(session, endpoint_id, sealer))

    return once(key, body, 202, work)


@blueprint.get("/webhook-endpoints/<endpoint>/attempts")
@operation(
    "List a webhook endpoint's attempts",
    caller="shop",
    scope=READ,
    query=AttemptQuery,
    answers={200: WebhookAttemptList},
    problems=("not_found",),
)
def list_attempts(query: AttemptQuery, endpoint: str) -> Response:
    """Newest first. `starting_after` and `ending_before` are numbers of attempts."""
    endpoint_id = named(endpoint)

    def work(session: Any) -> WebhookAttemptList:
        endpoints.found(session, endpoint_id)
        return WebhookAttemptList.of(attempts.list_attempts(session, endpoint_id, query.wanted))

    return answer(read(work))


def named(endpoint: str) -> str:
    if not is_id("whe", endpoint):
        raise NotFound("Check the endpoint's id: there is no such endpoint.")
    return endpoint
