"""Webhook endpoints: which programs of the shop are told of events, whether they take them, and what to do if they don't."""

from typing import Annotated

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BeforeValidator, Field

from redeem.accounts.roles import Permission
from redeem.db.paging import Page
from redeem.domain.events import EventType
from redeem.web.context import context, now_ms, read, write
from redeem.web.manager.access import office, person, see_other
from redeem.web.manager.forms import Faults, Form, Line, LineOrNone, submitted
from redeem.web.manager.keys import OVERLAP_HOURS, OVERLAP_MAX_HOURS, as_list
from redeem.web.manager.reauthentication import confirmed
from redeem.webhooks import attempts, endpoints
from redeem.webhooks.addresses import URL_MAX_CHARACTERS
from redeem.webhooks.endpoints import Endpoint

MS_PER_HOUR = 3_600_000
ATTEMPTS_SHOWN = 50
TYPES = tuple(kind.value for kind in EventType)


class EndpointForm(Form):
    url: Annotated[str, Field(min_length=1, max_length=URL_MAX_CHARACTERS)]
    description: LineOrNone = ""
    types: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()


class RotateForm(Form):
    """`hours` is how long messages carry the signatures of both secrets."""

    hours: Annotated[int, Field(ge=0, le=OVERLAP_MAX_HOURS)]


class ResendForm(Form):
    event: Line


@office("/webhooks", Permission.READ_SHOP)
def webhooks() -> ResponseReturnValue:
    sealer = context().sealer
    found = read(lambda db: endpoints.list_endpoints(db, sealer))
    return render_template("manager/webhooks.html", endpoints=found, now=now_ms(), zone=context().settings.time_zone)


@office("/webhooks/new", Permission.RUN_SHOP)
def new_webhook() -> ResponseReturnValue:
    return endpoint_page()


@office("/webhooks/new", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def add_webhook() -> ResponseReturnValue:
    """Answers with the secret and not with a redirect: it is shown once."""

    def act(form: EndpointForm) -> ResponseReturnValue:
        who, now, tools = person(), now_ms(), context()
        shown = write(
            lambda db: endpoints.add(
                db,
                who,
                form.url,
                now,
                sealer=tools.sealer,
                reach=tools.webhook_reach,
                description=form.description,
                types=form.types,
            )
        )
        return render_template("manager/webhook_secret.html", endpoint=shown.endpoint, secret=shown.secret)

    return submitted(EndpointForm, act, endpoint_page)


@office("/webhooks/<endpoint_id>", Permission.READ_SHOP)
def webhook(endpoint_id: str) -> ResponseReturnValue:
    endpoint = one(endpoint_id)
    page = Page(ATTEMPTS_SHOWN)
    return render_template(
        "manager/webhook.html",
        endpoint=endpoint,
        attempts=read(lambda db: attempts.list_attempts(db, endpoint_id, page)).items,
        now=now_ms(),
        zone=context().settings.time_zone,
    )


@office("/webhooks/<endpoint_id>/change", Permission.RUN_SHOP)
def edit_webhook(endpoint_id: str) -> ResponseReturnValue:
    return endpoint_page(endpoint=one(endpoint_id))


@office("/webhooks/<endpoint_id>/change", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def save_webhook(endpoint_id: str) -> ResponseReturnValue:
    endpoint = one(endpoint_id)

    def act(form: EndpointForm) -> ResponseReturnValue:
        who, now, tools = person(), now_ms(), context()
        write(
            lambda db: endpoints.change(
                db,
                who,
                endpoint_id,
                now,
                sealer=tools.sealer,
                reach=tools.webhook_reach,
                url=form.url,
                description=form.description,
                types=form.types,
            )
        )
        flash(_("The endpoint is changed."))
        return see_other("manager.webhook", endpoint_id=endpoint_id)

    return submitted(EndpointForm, act, lambda faults: endpoint_page(faults, endpoint))


@office("/webhooks/<endpoint_id>/rotate", Permission.RUN_SHOP)
def ask_to_rotate_webhook(endpoint_id: str) -> ResponseReturnValue:
    return rotate_page(one(endpoint_id))


@office("/webhooks/<endpoint_id>/rotate", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def rotate_webhook(endpoint_id: str) -> ResponseReturnValue:
    """Answers with the secret and not with a redirect: it is shown once."""
    endpoint = one(endpoint_id)

    def act(form: RotateForm) -> ResponseReturnValue:
        who, now, sealer, overlap = person(), now_ms(), context().sealer, form.hours * MS_PER_HOUR
        shown = write(lambda db: endpoints.rotate(db, who, endpoint_id, overlap, now, sealer=sealer))
        return render_template("manager/webhook_secret.html", endpoint=shown.endpoint, secret=shown.secret)

    return submitted(RotateForm, act, lambda faults: rotate_page(endpoint, faults))


@office("/webhooks/<endpoint_id>/enable", Permission.RUN_SHOP, methods=("POST",))
def enable_webhook(endpoint_id: str) -> ResponseReturnValue:
    who, now, sealer = person(), now_ms(), context().sealer
    write(lambda db: endpoints.enable(db, who, endpoint_id, now, sealer=sealer))
    flash(_("Events are sent from now on, beginning with those that were not sent yet."))
    return see_other("manager.webhook", endpoint_id=endpoint_id)


@office("/webhooks/<endpoint_id>/disable", Permission.RUN_SHOP, methods=("POST",))
def disable_webhook(endpoint_id: str) -> ResponseReturnValue:
    who, now, sealer = person(), now_ms(), context().sealer
    write(lambda db: endpoints.disable(db, who, endpoint_id, now, sealer=sealer))
    flash(_("Nothing is sent until the endpoint is enabled."))
    return see_other("manager.webhook", endpoint_id=endpoint_id)


@office("/webhooks/<endpoint_id>/resend", Permission.RUN_SHOP, methods=("POST",))
def resend_event(endpoint_id: str) -> ResponseReturnValue:
    one(endpoint_id)

    def act(form: ResendForm) -> ResponseReturnValue:
        who, now = person(), now_ms()
        write(lambda db: endpoints.resend(db, who, endpoint_id, form.event, now))
        flash(_("The event is sent again in a moment, with its id."))
        return see_other("manager.webhook", endpoint_id=endpoint_id)

    return submitted(ResendForm, act, lambda faults: " ".join(faults.values()))


@office("/webhooks/<endpoint_id>/delete", Permission.RUN_SHOP)
def ask_to_delete_webhook(endpoint_id: str) -> ResponseReturnValue:
    return render_template("manager/webhook_delete.html", endpoint=one(endpoint_id))


@office("/webhooks/<endpoint_id>/delete", Permission.RUN_SHOP, methods=("POST",))
def delete_webhook(endpoint_id: str) -> ResponseReturnValue:
    who, now = person(), now_ms()
    write(lambda db: endpoints.delete(db, who, endpoint_id, now))
    flash(_("The endpoint is deleted."))
    return see_other("manager.webhooks")


def one(endpoint_id: str) -> Endpoint:
    """The endpoint. Raises NotFound."""
    sealer = context().sealer
    return read(lambda db: endpoints.get(db, endpoint_id, sealer))


def endpoint_page(faults: Faults | None = None, endpoint: Endpoint | None = None) -> str:
    kept = {"url": "", "description": "", "types": ()} if endpoint is None else as_form(endpoint)
    typed = {**request.form.to_dict(), "types": request.form.getlist("types")} if request.form else kept
    return render_template(
        "manager/webhook_form.html", endpoint=endpoint, typed=typed, types=TYPES, faults=faults or {}
    )


def as_form(endpoint: Endpoint) -> dict[str, object]:
    return {"url": endpoint.url, "description": endpoint.description, "types": endpoint.types}


def rotate_page(endpoint: Endpoint, faults: Faults | None = None) -> str:
    return render_template(
        "manager/webhook_rotate.html",
        endpoint=endpoint,
        overlaps=OVERLAP_HOURS,
        chosen=request.form.get("hours", "24"),
        faults=faults or {},
    )
