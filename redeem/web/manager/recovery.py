"""Recovery after a restore from a backup: the devices that the server waits for, and going on without them."""

import re

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from redeem.accounts.roles import Permission
from redeem.coupons import campaign_editor
from redeem.devices import directory
from redeem.devices.write_off import AtRisk
from redeem.ledger import generation
from redeem.lib.money import add_up
from redeem.recovery import enrolled_since_backup, missing_devices, shop
from redeem.recovery.missing_devices import RECENT_DAYS, Missing
from redeem.recovery.shop import RestoredAgain
from redeem.web.context import now_ms, read, write
from redeem.web.manager.access import office, person, see_other
from redeem.web.manager.devices import DARK_MS
from redeem.web.manager.forms import Faults
from redeem.web.manager.lost_devices import find_device
from redeem.web.manager.reauthentication import confirmed


@office("/recovery", Permission.READ)
def recovery() -> ResponseReturnValue:
    scope, now = person().scope, now_ms()
    life, missing, found, at_work = read(
        lambda db: (
            generation.current(db),
            missing_devices.list_missing(db, now, scope),
            enrolled_since_backup.find_still_forgotten(db, now, scope),
            directory.count_at_work(db, scope),
        )
    )
    reported = at_work - sum(not each.is_revoked for each in missing)
    return render_template(
        "manager/recovery.html",
        life=life,
        missing=missing,
        still_forgotten=found,
        reported=reported,
        total=reported + len(missing),
        unconfirmed=read(lambda db: campaign_editor.list_unconfirmed(db, scope)),
        days=RECENT_DAYS,
        now=now,
        dark_ms=DARK_MS,
    )


@office("/recovery/<device_id>", Permission.RUN_SHOP)
def ask_to_go_on_without(device_id: str) -> ResponseReturnValue:
    """Asks whether to go on without a device. A tablet is written off with that, on its own page; a till goes on working."""
    device = find_device(device_id)
    if device.kind == "tablet":
        return see_other("manager.ask_to_write_off", device_id=device_id)
    found = find_missing(device_id)
    if not found:
        return see_other("manager.recovery")
    return render_template("manager/recovery_till.html", till=found[0], days=RECENT_DAYS)


@office("/recovery/<device_id>", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def go_on_without(device_id: str) -> ResponseReturnValue:
    device, who, now = find_device(device_id), person(), now_ms()
    if device.kind == "tablet":
        return see_other("manager.ask_to_write_off", device_id=device_id)
    if write(lambda db: missing_devices.go_on_without(db, who, [device_id], now)):
        flash(_("The server waits for %(name)s no more.", name=device.name))
    return see_other("manager.recovery")


def find_missing(device_id: str) -> list[Missing]:
    scope, now = person().scope, now_ms()
    return [
        each for each in read(lambda db: missing_devices.list_missing(db, now, scope)) if each.device_id == device_id
    ]


@office("/recovery/end", Permission.RUN_SHOP)
def ask_to_end_recovery() -> ResponseReturnValue:
    return end_page()


@office("/recovery/end", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def end_recovery() -> ResponseReturnValue:
    """Writes off the devices that the form names. A device that has reported since the form was shown is left out."""
    who, now, named = person(), now_ms(), request.form.getlist("device")
    if not named or request.form.get("confirm", "").strip() != str(len(named)):
        return end_page({"confirm": _("Type the number that stands above.")}), 422
    written_off = write(lambda db: missing_devices.go_on_without(db, who, named, now))
    flash(ngettext("%(num)s device is written off.", "%(num)s devices are written off.", written_off))
    return see_other("manager.recovery")


@office("/recovery/forgotten", Permission.RUN_SHOP)
def ask_about_forgotten() -> ResponseReturnValue:
    """Shows which devices that the backup lacks have called, and asks how many of them are still missing."""
    return forgotten_page() if read(generation.current).awaits_forgotten else see_other("manager.recovery")


@office("/recovery/forgotten", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def go_on_without_forgotten() -> ResponseReturnValue:
    """Goes on if the typed number is right. A device that has called since the page was shown makes it wrong."""
    who, now, typed = person(), now_ms(), request.form.get("confirm", "").strip()
    missing = int(typed) if re.fullmatch("[0-9]{1,6}", typed) else 0
    if write(lambda db: enrolled_since_backup.go_on_without_forgotten(db, who.id, now, missing)):
        flash(_("The server waits no more for what was enrolled after the backup."))
    elif read(generation.current).awaits_forgotten:
        return forgotten_page({"confirm": _("Type the number that stands above.")}), 422
    return see_other("manager.recovery")


@office("/recovery/orders", Permission.RUN_SHOP)
def ask_about_orders() -> ResponseReturnValue:
    """Asks whether the shop has said again what it issued since the backup."""
    life = read(generation.current)
    return (
        render_template("manager/recovery_orders.html", life=life)
        if life.awaits_shop
        else see_other("manager.recovery")
    )


@office("/recovery/orders", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def orders_are_complete() -> ResponseReturnValue:
    """A page of an earlier generation changes nothing: what was asked there was another question."""
    who, now, typed = person(), now_ms(), request.form.get("generation", "")
    number = int(typed) if re.fullmatch("[0-9]{1,9}", typed) else 0
    try:
        write(lambda db: shop.complete(db, who, number, now))
    except RestoredAgain:
        return see_other("manager.ask_about_orders")
    flash(_("Orders get their coupons again."))
    return see_other("manager.recovery")


def forgotten_page(faults: Faults | None = None) -> str:
    now = now_ms()
    found = read(lambda db: enrolled_since_backup.find_still_forgotten(db, now))
    return render_template("manager/recovery_forgotten.html", still_forgotten=found, now=now, faults=faults or {})


def end_page(faults: Faults | None = None) -> str:
    scope, now = person().scope, now_ms()
    missing = read(lambda db: missing_devices.list_missing(db, now, scope))
    return render_template(
        "manager/recovery_end.html", missing=missing, risk=total(missing), days=RECENT_DAYS, faults=faults or {}
    )


def total(missing: list[Missing]) -> AtRisk:
    """What is at risk with all these tablets together."""
    risks = [each.risk for each in missing if each.risk]
    return AtRisk(
        sum(risk.coupons for risk in risks),
        add_up(value for risk in risks for value in risk.values),
        sum(risk.unconfirmed for risk in risks),
    )
