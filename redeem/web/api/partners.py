"""The shop's API for partners and their stores."""

from typing import Any

from flask import Blueprint, Response

from redeem.accounts.api_keys import MANAGE, READ
from redeem.accounts.roles import WHOLE
from redeem.partners import directory, partners
from redeem.web.api.auth import shop_caller
from redeem.web.api.edits import Tags
from redeem.web.api.operation import answer, once, operation
from redeem.web.api.partner_shapes import (
    Partner,
    PartnerBody,
    PartnerList,
    PartnerPatch,
    PartnerQuery,
    Store,
    StoreBody,
    StoreList,
    StorePatch,
    StoreQuery,
)
from redeem.web.api.shapes import Body
from redeem.web.context import now_ms, read

blueprint = Blueprint("partners", __name__, url_prefix="/v1")


@blueprint.post("/partners")
@operation(
    "Add a partner", caller="shop", scope=MANAGE, keyed=True, tagged=True, body=PartnerBody, answers={201: Partner}
)
def add_partner(key: str, body: PartnerBody) -> Response:
    author, now = shop_caller().author, now_ms()
    return once(key, body, 201, lambda s: Partner.of(partners.add_partner(s, author, body.name, now)))


@blueprint.get("/partners")
@operation("List partners", caller="shop", scope=READ, query=PartnerQuery, answers={200: PartnerList})
def list_partners(query: PartnerQuery) -> Response:
    page = query.page(str)
    found = read(lambda session: directory.page_partners(session, page))
    return answer(PartnerList(data=[Partner.of(row) for row in found.items], has_more=found.has_more))


@blueprint.get("/partners/<partner>")
@operation("Look a partner up", caller="shop", scope=READ, tagged=True, answers={200: Partner}, problems=("not_found",))
def get_partner(partner: str) -> Response:
    return answer(Partner.of(read(lambda session: directory.get_partner(session, WHOLE, partner))))


@blueprint.patch("/partners/<partner>")
@operation(
    "Change a partner",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    tagged=True,
    edits=True,
    body=PartnerPatch,
    answers={200: Partner},
    problems=("not_found",),
)
def patch_partner(key: str, tags: Tags, body: PartnerPatch, partner: str) -> Response:
    """What is as before is no change."""
    author, now = shop_caller().author, now_ms()

    def work(s: Any) -> Partner:
        body.check(Partner.of(partners.lock_partner(s, author.scope, partner)), tags)
        return Partner.of(partners.change_partner(s, author, partner, now, name=body.name))

    return once(key, body, 200, work)


@blueprint.post("/partners/<partner>/close")
@operation(
    "Close a partner",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    tagged=True,
    answers={200: Partner},
    problems=("not_found",),
)
def close_partner(key: str, partner: str) -> Response:
    """From now on nothing is given at its stores: coupons are declined there with `wrong_store`, tablets release what they hold, and no
    coupon is at home there. What was given before, and what a tablet without a network gives until it hears of it, counts and is owed.
    """
    author, now = shop_caller().author, now_ms()
    return once(
        key, Body(), 200, lambda s: Partner.of(partners.set_partner_closed(s, author, partner, now, closed=True))
    )


@blueprint.post("/partners/<partner>/reopen")
@operation(
    "Reopen a partner",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    tagged=True,
    answers={200: Partner},
    problems=("not_found",),
)
def reopen_partner(key: str, partner: str) -> Response:
    """Its stores give again, but for those that were closed by themselves. The devices are still enrolled."""
    author, now = shop_caller().author, now_ms()
    return once(
        key, Body(), 200, lambda s: Partner.of(partners.set_partner_closed(s, author, partner, now, closed=False))
    )


@blueprint.post("/stores")
@operation("Add a store", caller="shop", scope=MANAGE, keyed=True, tagged=True, body=StoreBody, answers={201: Store})
def add_store(key: str, body: StoreBody) -> Response:
    author, now = shop_caller().author, now_ms()
    return once(key, body, 201, lambda s: Store.of(partners.add_store(s, author, body.as_new(), now)))


@blueprint.get("/stores")
@operation("List stores", caller="shop", scope=READ, query=StoreQuery, answers={200: StoreList})
def list_stores(query: StoreQuery) -> Response:
    page = query.page(str)
    found = read(lambda session: directory.page_stores(session, query.partner, page))
    return answer(StoreList(data=[Store.of(row) for row in found.items], has_more=found.has_more))


@blueprint.get("/stores/<store>")
@operation("Look a store up", caller="shop", scope=READ, tagged=True, answers={200: Store}, problems=("not_found",))
def get_store(store: str) -> Response:
    return answer(Store.of(read(lambda session: directory.get_store(session, WHOLE, store))))


@blueprint.patch("/stores/<store>")
@operation(
    "Change a store",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    tagged=True,
    edits=True,
    body=StorePatch,
    answers={200: Store},
    problems=("not_found",),
)
def patch_store(key: str, tags: Tags, body: StorePatch, store: str) -> Response:
    """What is as before is no change."""
    author, now = shop_caller().author, now_ms()

    def work(s: Any) -> Store:
        body.check(Store.of(partners.lock_store(s, author.scope, store)), tags)
        return Store.of(partners.change_store(s, author, store, body.changes(), now))

    return once(key, body, 200, work)


@blueprint.post("/stores/<store>/close")
@operation(
    "Close a store",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    tagged=True,
    answers={200: Store},
    problems=("not_found",),
)
def close_store(key: str, store: str) -> Response:
    """From now on nothing is given at the store: coupons are declined there with `wrong_store`, tablets release what they hold, and no
    coupon is at home there. What was given before, and what a tablet without a network gives until it hears of it, counts and is owed.
    """
    author, now = shop_caller().author, now_ms()
    return once(key, Body(), 200, lambda s: Store.of(partners.set_store_closed(s, author, store, now, closed=True)))


@blueprint.post("/stores/<store>/reopen")
@operation(
    "Reopen a store",
    caller="shop",
    scope=MANAGE,
    keyed=True,
    tagged=True,
    answers={200: Store},
    problems=("not_found",),
)
def reopen_store(key: str, store: str) -> Response:
    """The store gives again, unless its partner is closed. The devices are still enrolled."""
    author, now = shop_caller().author, now_ms()
    return once(key, Body(), 200, lambda s: Store.of(partners.set_store_closed(s, author, store, now, closed=False)))
