"""Makes the demo's world in memory, then writes it into the database in one transaction, once."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from redeem.db import base
from redeem.db.models import api, coupons, devices, ledger, managers, partners, reports
from redeem.demo import offers
from redeem.demo.crowd import DAYS, Customer, gather, local
from redeem.demo.devices import Desk, Row, Tablet
from redeem.demo.history import DARK_DAYS, DARK_DEVICE, History
from redeem.demo.offers import Campaign
from redeem.demo.partners import DEMO_STORE, PARTNER_IDS, PARTNERS, STORE_IDS, STORES, clerk_id, fixed_id
from redeem.domain import short_codes
from redeem.ledger.signing import Signer
from redeem.lib import passwords
from redeem.lib.errors import Conflict
from redeem.lib.times import MS_PER_DAY, MS_PER_MINUTE, Ms

SEED = 20_261_121
SETTLED_DAYS = 10  # the stores were there this long before the first coupon
OWN_DATA = (partners.Partner, coupons.Campaign, managers.Manager, api.ApiKey)
Tables = Sequence[tuple[type[base.Base], list[Row]]]


@dataclass(frozen=True, slots=True)
class World:
    """Everything that happened until `now`."""

    now: Ms
    days: int
    campaigns: list[Campaign]
    crowd: list[Customer]
    history: History

    @property
    def founded_at(self) -> Ms:
        return self.now - (self.days + SETTLED_DAYS) * MS_PER_DAY


class NotADemo(Conflict):
    """Somebody's own data is in the database."""

    code = "not_a_demo"
    default_detail = "The database holds data that isn't the demo's. Name another one in REDEEM_DATABASE_URL."


def make(signer: Signer, zone: str, now: Ms, days: int = DAYS) -> World:
    """Returns the world. It is the same for the same `now` and `days`, except for secrets: signatures, PINs, the tablets' keys."""
    dice = Random(SEED)
    campaigns = offers.campaigns(local(now, zone).date(), PARTNER_IDS, STORE_IDS)
    crowd = gather(campaigns, now, dice, days)
    history = History(signer, zone, now, dice)
    history.play(crowd)
    return World(now, days, campaigns, crowd, history)


def is_demo(session: Session) -> bool:
    """Whether the demo is in the database already. Raises NotADemo if something else is."""
    if set(session.scalars(select(partners.Partner.id))) >= set(PARTNER_IDS.values()):
        return True
    if any(session.execute(select(model).limit(1)).first() for model in OWN_DATA):
        raise NotADemo
    return False


def write(session: Session, tables: Tables) -> None:
    """Inserts the rows in this order: a row comes after those that it refers to."""
    for model, rows in tables:
        if rows:
            session.execute(insert(model.__table__), rows)  # type: ignore[arg-type]


def stage(world: World) -> Tables:
    """Returns the rows that the first act needs: partners, stores, people, devices as enrolled, campaigns, coupons."""
    at = world.founded_at
    desks = [desk for one in world.history.desks.values() for desk in one]
    return (
        (partners.Partner, [{"id": one.id, "name": one.name, "created_at": at} for one in PARTNERS]),
        (partners.Store, store_rows(at)),
        (devices.Clerk, clerk_rows(at)),
        (devices.Enrolment, [enrolment_row(desk, at) for desk in desks if isinstance(desk, Tablet)]),
        (devices.Device, [device_row(desk, at) for desk in desks]),
        (coupons.Campaign, campaign_rows(world)),
        (coupons.Coupon, coupon_rows(world, Random(SEED))),
    )


def acts(world: World) -> Tables:
    """Returns the rows of the acts, and those that an act makes."""
    books = world.history.books
    return (
        (ledger.Act, books.acts),
        (ledger.Redemption, books.redemptions()),
        (ledger.Reversal, books.reversals),
        (reports.Tally, books.tallies()),
    )


def store_rows(at: Ms) -> list[Row]:
    return [
        {
            "id": one.id,
            "partner_id": one.partner_id,
            "name": one.name,
            "address": one.address,
            "hours": one.hours,
            "time_zone": one.zone,
            "created_at": at,
        }
        for one in STORES
    ]


def clerk_rows(at: Ms) -> list[Row]:
    """Returns the clerks. Nobody knows their PINs: `notes` sets one."""
    unknown = passwords.hash_password(secrets.token_hex(16))
    return [
        {
            "id": clerk_id(store, name),
            "store_id": store.id,
            "name": name,
            "pin_hash": unknown,
            "created_at": at,
        }
        for store in STORES
        for name in store.clerks
    ]


def enrolment_row(tablet: Tablet, at: Ms) -> Row:
    return {
        "id": enrolment_id(tablet),
        "store_id": tablet.store.id,
        "device_name": tablet.name,
        "created_at": at,
        "expires_at": at + 10 * MS_PER_MINUTE,
    }


def enrolment_id(tablet: Tablet) -> str:
    return fixed_id("enr", tablet.id)


def device_row(desk: Desk, at: Ms) -> Row:
    row: dict[str, Any] = {
        "id": desk.id,
        "store_id": desk.store.id,
        "kind": "till",
        "name": desk.name,
        "enrolment_id": None,
        "public_key": None,
        "last_number": 0,
        "last_hash": None,
        "last_seen_at": None,
        "clock_skew_ms": None,
        "created_at": at,
    }
    if isinstance(desk, Tablet):
        key = bytes(desk.key.verify_key)
        row |= {"kind": "tablet", "enrolment_id": enrolment_id(desk), "public_key": key}
    return row


def seen(world: World) -> list[Row]:
    """Returns where each tablet's journal ends and when it was last seen: most of them now, one of them days ago.

    The tablets of the demo's store are revoked: nobody has them, so they must hold no coupon that a visitor tries there.
    """
    tablets = [desk for one in world.history.desks.values() for desk in one if isinstance(desk, Tablet)]
    return [
        {
            "id": tablet.id,
            "last_number": tablet.number,
            "last_hash": tablet.previous if tablet.number else None,
            "last_seen_at": last_seen(tablet, world.now),
            "clock_skew_ms": tablet.skew_ms,
            "revoked_at": world.now if tablet.store.key == DEMO_STORE else None,
        }
        for tablet in tablets
    ]


def last_seen(tablet: Tablet, now: Ms) -> Ms:
    dark = (tablet.store.key, tablet.name) == DARK_DEVICE
    return now - DARK_DAYS * MS_PER_DAY if dark else max(tablet.free_at, now - MS_PER_MINUTE)


def campaign_rows(world: World) -> list[Row]:
    return [
        {
            "number": one.number,
            "name": one.name,
            "terms": one.terms.text(),
            "version": 1,
            "coupons": sum(customer.campaign is one for customer in world.crowd),
            "created_at": world.founded_at,
        }
        for one in world.campaigns
    ]


def coupon_rows(world: World, dice: Random) -> list[Row]:
    return [
        coupon_row(world, one, short_codes.new_code(dice.getrandbits(short_codes.ENTROPY_BITS))) for one in world.crowd
    ]


def coupon_row(world: World, one: Customer, short_code: str) -> Row:
    return {
        "serial": one.campaign.number << 32 | one.number,
        "campaign_number": one.campaign.number,
        "key_id": world.history.signer.newest,
        "last_day": world.history.last_day(one),
        "short_code": short_code,
        "order_ref": one.order_ref,
        "metadata": {},
        "issued_at": one.issued_at,
        "voided_at": one.voided_at,
        "void_reason": "The order was sent back" if one.voided_at else None,
    }
