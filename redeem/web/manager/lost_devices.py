"""Lost devices: what is at risk with a device, and writing it off."""

from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from redeem.accounts.roles import Permission
from redeem.devices import directory
from redeem.devices import write_off as device_write_off
from redeem.devices.directory import DeviceLine
from redeem.lib.money import Money
from redeem.web.context import now_ms, read, write
from redeem.web.manager.access import office, person, see_other
from redeem.web.manager.forms import Faults
from redeem.web.manager.reauthentication import confirmed


@office("/devices/<device_id>/lost", Permission.RUN_SHOP)
def ask_to_write_off(device_id: str) -> ResponseReturnValue:
    """What is at risk with the device, and the form to write it off. Once it is written off: what was at risk then."""
    device = find_device(device_id)
    if device.kind == "till":
        return see_other("manager.ask_to_revoke_device", device_id=device_id)
    return lost_device_page(device)


@office("/devices/<device_id>/lost", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def write_off(device_id: str) -> ResponseReturnValue:
    device, who, now = find_device(device_id), person(), now_ms()
    if device.kind == "till":
        return see_other("manager.ask_to_revoke_device", device_id=device_id)
    if request.form.get("confirm", "").split() != device.name.split():
        return lost_device_page(device, {"confirm": _("Type the device's name as it stands above.")}), 422
    write(lambda db: device_write_off.write_off(db, device_id, who.id, now, who.scope))
    return see_other("manager.ask_to_write_off", device_id=device_id)


def find_device(device_id: str) -> DeviceLine:
    scope = person().scope
    return read(lambda db: directory.get_device(db, scope, device_id))


def lost_device_page(device: DeviceLine, faults: Faults | None = None) -> str:
    now = now_ms()
    return render_template(
        "manager/device_lost.html",
        device=device,
        done=read(lambda db: directory.how_written_off(db, device.id)) if device.lost_at else None,
        risk=read(lambda db: device_write_off.what_is_at_risk(db, device.id, now)),
        values=stored_values,
        typed=request.form.get("confirm", ""),
        now=now,
        faults=faults or {},
    )


def stored_values(details: dict[str, list[dict[str, Any]]]) -> list[Money]:
    """The values at risk that the entry of the audit log recorded."""
    return [Money.model_construct(**each) for each in details.get("values", [])]
