"""Devices, the tablets and tills of stores: enrol, rename, move, revoke."""

from typing import Literal

from flask import flash, jsonify, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from redeem.accounts.roles import Permission
from redeem.devices import enrolment as device_enrolment
from redeem.devices import moves
from redeem.devices.directory import DeviceLine, EnrolmentLine, get_device, get_enrolment, list_devices
from redeem.lib.times import Ms
from redeem.partners.directory import list_stores
from redeem.redemptions.late_undos import count_late_undos
from redeem.sync.damaged_journals import list_damaged
from redeem.web.api.auth import key_cache
from redeem.web.context import context, now_ms, read, write
from redeem.web.manager.access import office, person, see_other
from redeem.web.manager.forms import Faults, Form, Line, submitted
from redeem.web.manager.reauthentication import confirmed
from redeem.web.pictures import qr_picture
from redeem.web.urls import enrolment_link

# A tablet syncs every 20 seconds while it is on. After DARK_MS without a sync the list says so.
DARK_MS = 10 * 60_000
SKEWED_MS = 2 * 60_000


class NameForm(Form):
    name: Line


class MoveForm(Form):
    store: Line


class DeviceForm(Form):
    kind: Literal["tablet", "till"]
    store: Line
    name: Line


@office("/devices", Permission.READ)
def devices() -> ResponseReturnValue:
    scope, now = person().scope, now_ms()
    found, late_undos, damaged = read(
        lambda db: (list_devices(db, scope), count_late_undos(db, now, scope), list_damaged(db, scope))
    )
    return render_template(
        "manager/devices.html",
        devices=found,
        late_undos=late_undos,
        damaged={each.device_id for each in damaged if each.lost_at is None},
        now=now,
        dark_ms=DARK_MS,
        skewed_ms=SKEWED_MS,
        next_store=next_store,
    )


@office("/devices/new", Permission.RUN_STORES)
def new_device() -> ResponseReturnValue:
    return device_page()


@office("/devices/new", Permission.RUN_STORES, methods=("POST",))
@confirmed
def add_device() -> ResponseReturnValue:
    return submitted(DeviceForm, add_of_kind, device_page)


def device_page(faults: Faults | None = None) -> str:
    scope = person().scope
    stores = read(lambda db: list_stores(db, scope))
    return render_template("manager/device_new.html", stores=stores, faults=faults or {})


def add_of_kind(form: DeviceForm) -> ResponseReturnValue:
    return invite_tablet(form) if form.kind == "tablet" else add_till(form)


def invite_tablet(form: DeviceForm) -> ResponseReturnValue:
    who, now, minutes = person(), now_ms(), context().settings.enrolment_minutes
    invited = write(lambda db: device_enrolment.invite_tablet(db, who, form.store, form.name, now, minutes))
    return see_other("manager.enrolment", enrolment_id=invited.id)


def add_till(form: DeviceForm) -> ResponseReturnValue:
    """Answers with the key itself and not with a redirect: the key is shown once."""
    who, now = person(), now_ms()
    till = write(lambda db: device_enrolment.add_till(db, who, form.store, form.name, now))
    return render_template("manager/key_shown.html", key=till.key_text, name=till.device.name, kind="till")


@office("/enrolments/<enrolment_id>", Permission.RUN_STORES)
def enrolment(enrolment_id: str) -> ResponseReturnValue:
    scope, now = person().scope, now_ms()
    line = read(lambda db: get_enrolment(db, scope, enrolment_id))
    state = state_of(line, now)
    link = enrolment_link(context(), line.id) if state == "waiting" else ""
    return render_template(
        "manager/enrolment.html",
        enrolment=line,
        state=state,
        link=link,
        picture=qr_picture(link, _("Enrolment link")) if link else "",
        minutes_left=-(-(line.expires_at - now) // 60_000),
    )


@office("/enrolments/<enrolment_id>/state", Permission.RUN_STORES)
def enrolment_state(enrolment_id: str) -> ResponseReturnValue:
    """The enrolment's state as JSON. The page asks every few seconds while the tablet is being set up."""
    scope, now = person().scope, now_ms()
    line = read(lambda db: get_enrolment(db, scope, enrolment_id))
    return jsonify(state=state_of(line, now))


def state_of(line: EnrolmentLine, now: Ms) -> str:
    if line.device_id:
        return "used"
    return "expired" if now > line.expires_at else "waiting"


@office("/devices/<device_id>/name", Permission.RUN_STORES)
def ask_for_device_name(device_id: str) -> ResponseReturnValue:
    return name_page(device_id)


@office("/devices/<device_id>/name", Permission.RUN_STORES, methods=("POST",))
def rename_device(device_id: str) -> ResponseReturnValue:
    def act(form: NameForm) -> ResponseReturnValue:
        who, now = person(), now_ms()
        write(lambda db: device_enrolment.rename_device(db, who, device_id, form.name, now))
        return see_other("manager.devices")

    return submitted(NameForm, act, lambda faults: name_page(device_id, faults))


def name_page(device_id: str, faults: Faults | None = None) -> str:
    scope = person().scope
    device = read(lambda db: get_device(db, scope, device_id))
    return render_template("manager/device_name.html", device=device, faults=faults or {})


@office("/devices/<device_id>/move", Permission.RUN_STORES)
def ask_to_move_device(device_id: str) -> ResponseReturnValue:
    return move_page(device_id)


@office("/devices/<device_id>/move", Permission.RUN_STORES, methods=("POST",))
@confirmed
def move_device(device_id: str) -> ResponseReturnValue:
    def act(form: MoveForm) -> ResponseReturnValue:
        who, now = person(), now_ms()
        moved = write(lambda db: moves.move_device(db, who, device_id, form.store, now))
        key_cache().clear()  # the cached row of a till's key names its store
        flash(
            _("The till is at its new store.") if moved.kind == "till" else _("The tablet moves when it next reports.")
        )
        return see_other("manager.devices")

    return submitted(MoveForm, act, lambda faults: move_page(device_id, faults))


def move_page(device_id: str, faults: Faults | None = None) -> str:
    scope = person().scope
    device = read(lambda db: get_device(db, scope, device_id))
    others = [store for store in read(lambda db: list_stores(db, scope)) if store.id != device.store_id]
    values = {"device": device, "stores": others, "next_store": next_store, "now": now_ms(), "faults": faults or {}}
    return render_template("manager/device_move.html", **values)


def next_store(device: DeviceLine) -> str:
    """The name of the store that the device moves to. Managers of a partner are not told another partner's store."""
    is_known = person().scope.is_whole or device.moves_to_partner_id == device.partner_id
    return device.moves_to_name if is_known and device.moves_to_name else str(_("another partner's store"))


@office("/devices/<device_id>/stay", Permission.RUN_STORES, methods=("POST",))
def let_device_stay(device_id: str) -> ResponseReturnValue:
    who, now = person(), now_ms()
    if write(lambda db: moves.let_device_stay(db, who, device_id, now)):
        flash(_("The tablet stays where it is."))
    else:
        flash(_("There was nothing to undo: the list says where the device is."))
    return see_other("manager.devices")


@office("/devices/<device_id>/revoke", Permission.RUN_STORES)
def ask_to_revoke_device(device_id: str) -> ResponseReturnValue:
    scope = person().scope
    device = read(lambda db: get_device(db, scope, device_id))
    return render_template("manager/device_revoke.html", device=device)


@office("/devices/<device_id>/revoke", Permission.RUN_STORES, methods=("POST",))
def revoke_device(device_id: str) -> ResponseReturnValue:
    who, now = person(), now_ms()
    write(lambda db: device_enrolment.revoke_device(db, who, device_id, now))
    key_cache().clear()  # a revoked till's key must stop working at once
    flash(_("The device is revoked. It no longer has access."))
    return see_other("manager.devices")
