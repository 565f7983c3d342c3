"""Closing stores and partners, and opening them again."""

from flask import flash, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from redeem.accounts.roles import WHOLE, Permission
from redeem.coupons.stranded import Stranded, stranded_without
from redeem.lib.times import local_day
from redeem.partners import partners
from redeem.partners.directory import get_partner, get_store, list_stores
from redeem.web.context import context, now_ms, read, write
from redeem.web.manager.access import office, person, see_other


@office("/stores/<store_id>/close", Permission.RUN_SHOP)
def ask_to_close_store(store_id: str) -> ResponseReturnValue:
    store = read(lambda db: get_store(db, WHOLE, store_id))
    return render_template("manager/store_close.html", store=store, stranded=count([store.id]))


@office("/stores/<store_id>/close", Permission.RUN_SHOP, methods=("POST",))
def close_store(store_id: str) -> ResponseReturnValue:
    who, now = person(), now_ms()
    write(lambda db: partners.set_store_closed(db, who, store_id, now, closed=True))
    flash(_("Closed. Nothing more is given there."))
    return see_other("manager.store", store_id=store_id)


@office("/stores/<store_id>/reopen", Permission.RUN_SHOP, methods=("POST",))
def reopen_store(store_id: str) -> ResponseReturnValue:
    who, now = person(), now_ms()
    write(lambda db: partners.set_store_closed(db, who, store_id, now, closed=False))
    flash(_("Open again."))
    return see_other("manager.store", store_id=store_id)


@office("/partners/<partner_id>/close", Permission.RUN_SHOP)
def ask_to_close_partner(partner_id: str) -> ResponseReturnValue:
    partner = read(lambda db: get_partner(db, WHOLE, partner_id))
    stores = read(lambda db: list_stores(db, WHOLE))
    stranded = count([store.id for store in stores if store.partner_id == partner.id])
    return render_template("manager/partner_close.html", partner=partner, stranded=stranded)


@office("/partners/<partner_id>/close", Permission.RUN_SHOP, methods=("POST",))
def close_partner(partner_id: str) -> ResponseReturnValue:
    who, now = person(), now_ms()
    write(lambda db: partners.set_partner_closed(db, who, partner_id, now, closed=True))
    flash(_("Closed. Nothing more is given there."))
    return see_other("manager.stores")


@office("/partners/<partner_id>/reopen", Permission.RUN_SHOP, methods=("POST",))
def reopen_partner(partner_id: str) -> ResponseReturnValue:
    who, now = person(), now_ms()
    write(lambda db: partners.set_partner_closed(db, who, partner_id, now, closed=False))
    flash(_("Open again."))
    return see_other("manager.stores")


def count(store_ids: list[str]) -> Stranded:
    """The coupons that nobody can give while these stores are closed."""
    today = local_day(now_ms(), context().settings.time_zone)
    return read(lambda db: stranded_without(db, store_ids, today))
