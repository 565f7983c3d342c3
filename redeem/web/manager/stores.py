"""Partners and their stores: lists, and forms to add and change them."""

from typing import Annotated

from flask import render_template, request
from flask.typing import ResponseReturnValue
from pydantic import StringConstraints

from redeem.accounts.roles import WHOLE, Permission, Scope
from redeem.devices.directory import list_clerks, list_devices
from redeem.lib.times import zones
from redeem.partners import partners as shop_partners
from redeem.partners.directory import get_partner, get_store, list_partners, list_stores
from redeem.partners.partners import ADDRESS_CHARACTERS, NewStore
from redeem.web.context import context, now_ms, read, write
from redeem.web.manager.access import office, person, see_other
from redeem.web.manager.closing import count
from redeem.web.manager.forms import Faults, Form, Line, LineOrNone, submitted

Address = Annotated[str, StringConstraints(strip_whitespace=True, max_length=ADDRESS_CHARACTERS)]


class PartnerForm(Form):
    name: Line


class StoreForm(Form):
    partner: Line
    name: Line
    time_zone: Line
    address: Address = ""
    hours: LineOrNone = ""


class ChangedPartnerForm(PartnerForm):
    version: int


class ChangedStoreForm(Form):
    version: int
    name: Line
    time_zone: Line
    address: Address = ""
    hours: LineOrNone = ""


@office("/stores", Permission.READ)
def stores() -> ResponseReturnValue:
    scope = person().scope
    partners = read(lambda db: list_partners(db, scope))
    found = read(lambda db: list_stores(db, scope))
    partners.sort(key=lambda partner: partner.closed_at is not None)  # the closed ones last
    found.sort(key=lambda store: store.closed_at is not None)
    groups = [(partner, [store for store in found if store.partner_id == partner.id]) for partner in partners]
    return render_template("manager/stores.html", groups=groups)


@office("/partners/new", Permission.RUN_SHOP)
def new_partner() -> ResponseReturnValue:
    return partner_page()


@office("/partners/new", Permission.RUN_SHOP, methods=("POST",))
def add_partner() -> ResponseReturnValue:
    def act(form: PartnerForm) -> ResponseReturnValue:
        who, now = person(), now_ms()
        partner = write(lambda db: shop_partners.add_partner(db, who, form.name, now))
        return see_other("manager.new_store", partner=partner.id)

    return submitted(PartnerForm, act, partner_page)


@office("/partners/<partner_id>/name", Permission.RUN_SHOP)
def ask_for_partner_name(partner_id: str) -> ResponseReturnValue:
    return partner_name_page(partner_id)


@office("/partners/<partner_id>/name", Permission.RUN_SHOP, methods=("POST",))
def rename_partner(partner_id: str) -> ResponseReturnValue:
    def act(form: ChangedPartnerForm) -> ResponseReturnValue:
        who, now = person(), now_ms()
        write(lambda db: shop_partners.change_partner(db, who, partner_id, now, name=form.name, seen=form.version))
        return see_other("manager.stores")

    return submitted(ChangedPartnerForm, act, lambda faults: partner_name_page(partner_id, faults))


def partner_name_page(partner_id: str, faults: Faults | None = None) -> str:
    partner = read(lambda db: get_partner(db, WHOLE, partner_id))
    return render_template("manager/partner_name.html", partner=partner, faults=faults or {})


def partner_page(faults: Faults | None = None) -> str:
    return render_template("manager/partner_new.html", faults=faults or {})


@office("/stores/new", Permission.RUN_SHOP)
def new_store() -> ResponseReturnValue:
    return store_form_page()


@office("/stores/new", Permission.RUN_SHOP, methods=("POST",))
def add_store() -> ResponseReturnValue:
    def act(form: StoreForm) -> ResponseReturnValue:
        who, now = person(), now_ms()
        new = NewStore(form.partner, form.name, form.time_zone, form.address, form.hours)
        store = write(lambda db: shop_partners.add_store(db, who, new, now))
        return see_other("manager.store", store_id=store.id)

    return submitted(StoreForm, act, store_form_page)


def store_form_page(faults: Faults | None = None) -> str:
    return render_template(
        "manager/store_new.html",
        partners=read(lambda db: list_partners(db, WHOLE)),
        zones=zones(),
        zone=context().settings.time_zone,
        faults=faults or {},
    )


@office("/stores/<store_id>/change", Permission.RUN_SHOP)
def ask_about_store(store_id: str) -> ResponseReturnValue:
    return change_page(store_id)


@office("/stores/<store_id>/change", Permission.RUN_SHOP, methods=("POST",))
def change_store(store_id: str) -> ResponseReturnValue:
    def act(form: ChangedStoreForm) -> ResponseReturnValue:
        who, now = person(), now_ms()
        changes = form.model_dump(exclude={"version"})
        write(lambda db: shop_partners.change_store(db, who, store_id, changes, now, seen=form.version))
        return see_other("manager.store", store_id=store_id)

    return submitted(ChangedStoreForm, act, lambda faults: change_page(store_id, faults))


def change_page(store_id: str, faults: Faults | None = None) -> str:
    scope = person().scope
    return render_template(
        "manager/store_change.html",
        store=read(lambda db: get_store(db, scope, store_id)),
        zones=zones(),
        faults=faults or {},
    )


@office("/stores/<store_id>", Permission.READ)
def store(store_id: str) -> ResponseReturnValue:
    return store_page(store_id)


def store_page(store_id: str, faults: Faults | None = None) -> str:
    scope = person().scope
    line = read(lambda db: get_store(db, scope, store_id))
    here = Scope(store_id=line.id)
    return render_template(
        "manager/store.html",
        store=line,
        clerks=read(lambda db: list_clerks(db, here)),
        devices=[each for each in read(lambda db: list_devices(db, here)) if not each.revoked_at],
        stranded=count([line.id]) if line.is_closed else None,
        now=now_ms(),
        typed=request.form.get("name", ""),
        faults=faults or {},
    )
