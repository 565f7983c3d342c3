"""Makes `many` of everything that a page or a list of the API shows, each at a partner of its own, and one of each kind to open."""

from collections.abc import Sequence
from dataclasses import dataclass

from nacl.signing import SigningKey
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from redeem.accounts import api_key_format, api_keys, audit, invitations, roles, sessions
from redeem.accounts.audit import OPERATOR, Change
from redeem.accounts.invitations import NewPerson
from redeem.accounts.roles import Role
from redeem.coupons import batches
from redeem.db.models.coupons import Coupon, HomeChange
from redeem.db.models.ledger import Act, Conflict, Redemption
from redeem.db.models.partners import StatementLine
from redeem.db.models.reports import Tally
from redeem.devices import clerks, enrolment, forgotten
from redeem.devices.forgotten import Proof
from redeem.domain.acts import Outcome as ActOutcome
from redeem.jobs import queue
from redeem.lib.ids import coupon_id, new_id
from redeem.lib.sealing import Sealer
from redeem.lib.times import Ms, local_day
from redeem.recovery import restore
from redeem.reports import rollups
from redeem.webhooks import attempts, endpoints
from redeem.webhooks.addresses import Reach
from redeem.webhooks.attempts import AttemptLine, Outcome
from tests import factories
from tests.cast import Cast
from tests.web import office_factories

ORDER = "ORDER-7"
DAYS_BEHIND = 4


@dataclass(frozen=True, slots=True)
class Place:
    """One of the many partners and what is there."""

    partner: str
    store: str
    tablet: str
    till: str
    campaign: int


def gather(session: Session, cast: Cast, many: int, now: Ms) -> dict[str, str]:
    """Returns the ids for the addresses. Some closed days are not added up. The ledger was restored, and waits for everybody."""
    boss = roles.find_manager(session, cast.managers["shop_manager"])
    assert boss
    places = [settle_down(session, number, now) for number in range(many)]
    for place in places:
        happen(session, place, now)
        person = NewPerson(f"new-{place.store.lower()}@example.org", "New", Role.AUDITOR, None, place.store)
        invitation = invitations.invite(session, roles.as_person(boss), person, now)
        sessions.open_session(session, boss.id, "another browser", now)
        audit.note(session, boss.id, Change.PARTNER_ADDED, place.partner, now, scope=roles.Scope(place.partner))
    first = places[0]
    batch, endpoint = make_batch(session, first.campaign, many, now), send_often(session, many, now)
    entries = [{"kind": "refusal", "reason": "other"} for _ in range(many)]
    while rollups.add_up(session, local_day(now, "UTC") - DAYS_BEHIND):
        pass
    restore.begin(session, now)
    found = {
        "partner_id": first.partner,
        "partner": first.partner,
        "store_id": first.store,
        "store": first.store,
        "batch": batch,
        "endpoint_id": endpoint,
        "endpoint": endpoint,
        "device_id": first.tablet,
        "campaign_id": f"cmp_{first.campaign}",
        "campaign": f"cmp_{first.campaign}",
        "clerk_id": clerks.add_clerk(session, OPERATOR, first.store, "Anna", "no hash", now).id,
        "enrolment_id": enrolment.invite_tablet(session, OPERATOR, first.store, "New", now, 10).id,
        "void_id": office_factories.bulk_void(session, cast.anywhere),
        "journal_id": office_factories.journal(session, first.store, *entries),
        "manager_id": roles.add_manager(session, "one@example.org", "One", Role.AUDITOR, "no hash", now).id,
        "invitation_id": invitation.id,
        "prefix": api_key_format.parse(cast.reader_key).prefix,
        "till": first.till,
        "digits": factories.coupon(session, first.campaign).token,
    }
    return found | happen_often(session, places, now)


def make_batch(session: Session, campaign: int, many: int, now: Ms) -> str:
    """Returns the id of a batch with so many coupons, which are made."""
    batch = batches.plan(session, OPERATOR, campaign, many, factories.MOSCOW, now)
    lease = queue.take(session, [batches.KIND], "lease", now)
    assert lease
    queue.step(session, lease, lambda db, task: batches.make_some(db, task, factories.mint(), now, lambda: False), now)
    return batch.id


def send_often(session: Session, many: int, now: Ms) -> str:
    """Returns the id of a webhook endpoint with so many attempts. There are so many endpoints."""
    sealer = Sealer([factories.SECRET])
    made = [
        endpoints.add(session, OPERATOR, f"https://{each}.example/", now, sealer=sealer, reach=Reach.PUBLIC)
        for each in range(min(many, endpoints.ENDPOINTS_MAX))
    ]
    for number in range(1, many + 1):
        line = AttemptLine(number, "evt_1", "coupon.redeemed", now, Outcome.REFUSED, 500, 5)
        attempts.keep(session, made[0].endpoint.id, line)
    return made[0].endpoint.id


def settle_down(session: Session, number: int, now: Ms) -> Place:
    partner = factories.partner(session, f"Partner {number}").id
    store = factories.store(session, partner, f"Store {number}").id
    campaign = factories.campaign(session, f"Campaign {number}", partners=[partner]).number
    clerks.add_clerk(session, OPERATOR, store, "Vera", "no hash", now)
    enrolment.invite_tablet(session, OPERATOR, store, "New", now, 10)
    api_keys.add_shop_key(session, OPERATOR, f"Program {number}", now)
    roles.add_manager(session, f"reads-{number}@example.org", "Reader", Role.AUDITOR, "no hash", now, store_id=store)
    tablet = factories.tablet(session, store, SigningKey.generate(), f"Tablet {number}").id
    till = enrolment.add_till(session, OPERATOR, store, f"Till {number}", now).device.id
    return Place(partner, store, tablet, till, campaign)


def happen(session: Session, place: Place, now: Ms) -> None:
    """Gifts of days that are added up and of today, pending ones, one given twice; holds; statements; entries that wait."""
    today = local_day(now, "UTC")
    count = {"campaign_number": place.campaign, "store_id": place.store, "outcome": ActOutcome.REDEEMED, "slot": 0}
    session.execute(insert(Tally), [{**count, "day": day, "count": 3} for day in (today - 10, today)])
    held, given = (factories.coupon(session, place.campaign) for _ in range(2))
    hold = {"holder_id": place.tablet, "epoch": 1, "promised_to_id": None, "promised_from": None}
    session.execute(update(Coupon).where(Coupon.serial == held.serial).values(**hold))
    act = office_factories.act(session, given.serial, place.tablet, place.store, "redeemed")
    session.add(Redemption(serial=given.serial, act_id=act, device_id=place.tablet, at=now))
    office_factories.two_gifts(session, place.campaign, place.tablet, place.store)
    office_factories.journal(session, place.store)
    session.add(line_of(office_factories.statement(session, place.store), place.campaign))
    proof = Proof(new_id("dev", now), SigningKey.generate().verify_key.encode(), place.store, "Forgotten")
    forgotten.note(session, proof, 3, now)


def happen_often(session: Session, places: Sequence[Place], now: Ms) -> dict[str, str]:
    """Coupons of one order, refusals, all that may happen to one coupon, and a statement of many campaigns."""
    first = places[0]
    conflict = office_factories.two_gifts(session, first.campaign, first.tablet, first.store)
    serial = session.scalars(select(Conflict.serial).where(Conflict.act_id == conflict)).one()
    statement = office_factories.statement(session, first.store)
    for number, place in enumerate(places):
        ordered = factories.coupon(session, first.campaign, order_ref=ORDER)
        redemption = office_factories.act(session, serial, first.till, first.store, "redeemed")
        refusal = office_factories.act(session, ordered.serial, first.tablet, first.store, "noted")
        session.execute(update(Act).where(Act.id == refusal).values(id=new_id("act", now), kind="refusal"))
        session.add(HomeChange(serial=serial, at=now + number, store_id=place.store))
        session.add(line_of(statement, place.campaign))
    return {
        "coupon_id": coupon_id(serial),
        "coupon": coupon_id(serial),
        "conflict_id": conflict,
        "statement_id": statement,
        "statement": statement,
        "redemption": redemption,
    }


def line_of(statement: str, campaign: int) -> StatementLine:
    counts = {"gifts": 1, "second_gifts": 0, "partner_bears": 0}
    money = {"value": 100, "handling_fee": 10, "currency": "RUB"}
    return StatementLine(statement_id=statement, campaign_number=campaign, campaign_name="Then", **counts, **money)
