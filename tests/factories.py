"""Makes things in the database, by the use cases where there is one; each function takes the transaction's session.

All that a test does not care about has a default. `NOW` is the moment at which the cast was made.
"""

from dataclasses import dataclass
from typing import Any

from nacl.signing import SigningKey
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from redeem.accounts.audit import OPERATOR
from redeem.accounts.roles import Person, as_person
from redeem.coupons import campaigns, issue
from redeem.coupons.issue import Mint, NewCoupon
from redeem.coupons.order_keys import OrderKeys
from redeem.db.engine import Database
from redeem.db.models.coupons import Campaign
from redeem.db.models.devices import Device
from redeem.db.models.ledger import Redemption
from redeem.db.models.managers import AuditEntry, Manager
from redeem.db.models.partners import Partner, Store
from redeem.devices.enrolment import enrol, invite_tablet
from redeem.domain.proofs import Proofs
from redeem.domain.terms import Terms
from redeem.ledger import signing
from redeem.lib.ids import new_id
from redeem.lib.sealing import Sealer
from redeem.lib.times import Ms, rfc3339
from redeem.partners import partners
from redeem.partners.partners import NewStore

SECRET = "a-secret-that-only-tests-have-of-32-or-more"
PROOFS = Proofs([SECRET])
ORDER_KEYS = OrderKeys([SECRET])
NOW: Ms = 1_795_250_000_000  # 2026-11-21T08:33:20Z
MOSCOW = "Europe/Moscow"


@dataclass(frozen=True, slots=True)
class Issued:
    """A coupon as its holder has it: the token's 183 digits and the short code; `serial` and `id` as the ledger knows it."""

    serial: int
    id: str
    token: str
    short_code: str


def partner(session: Session, name: str = "North Coffee", now: Ms = NOW) -> Partner:
    return partners.add_partner(session, OPERATOR, name, now)


def store(
    session: Session, partner_id: str, name: str = "On the square", time_zone: str = MOSCOW, now: Ms = NOW
) -> Store:
    return partners.add_store(session, OPERATOR, NewStore(partner_id, name, time_zone, "Main Street 1"), now)


def terms(**changes: Any) -> Terms:
    """Terms good for ever; `stores` or `partners` must be among the changes. As in the API's JSON."""
    plain = {
        "offer": {
            "en": {"title": "A free cappuccino", "terms": "One for each order."},
            "ru": {"title": "Капучино в подарок", "terms": "Один на заказ."},
        },
        "value": {"amount": 35_000, "currency": "RUB"},
        "handling_fee": {"amount": 1_500, "currency": "RUB"},
        "funding": "issuer",
    }
    return Terms.model_validate(plain | changes)


def campaign(session: Session, name: str = "Autumn gifts", now: Ms = NOW, **changes: Any) -> Campaign:
    return campaigns.create_campaign(session, OPERATOR, name, terms(**changes), now)


def coupon(session: Session, campaign_number: int, now: Ms = NOW, **said: Any) -> Issued:
    """Issues a coupon; `said` is order_ref, line, home_store_id, metadata. Needs the Sealer of SECRET, as the cast's keys are."""
    signer = signing.load_signer(session, Sealer([SECRET]))
    issued = issue.issue(session, NewCoupon(campaign_number, **said), mint(signer.newest), now).coupon
    token = signer.write_serial(issued.key_id, issued.serial, issued.last_day)
    return Issued(issued.serial, issued.id, token, issued.short_code)


def mint(key_id: int = 1) -> Mint:
    return Mint(key_id, MOSCOW, ORDER_KEYS)


def void(session: Session, issued: Issued, reason: str = "the order was returned", now: Ms = NOW) -> None:
    issue.void(session, issued.serial, reason, now)


def tablet(
    session: Session, store_id: str, key: SigningKey, name: str = "Counter", now: Ms = NOW, minutes: int = 10
) -> Device:
    enrolment = invite_tablet(session, OPERATOR, store_id, name, now, minutes)
    return enrol(session, enrolment.id, bytes(key.verify_key), now)


def manager(session: Session, role: str, email: str, password_hash: str, **scope: str) -> Manager:
    """`scope` is partner_id and store_id, as the role needs."""
    made = Manager(
        id=new_id("mgr", NOW),
        email=email,
        name=email.partition("@")[0],
        password_hash=password_hash,
        role=role,
        created_at=NOW,
        **scope,
    )
    session.add(made)
    session.flush()
    return made


def person(session: Session, manager_id: str) -> Person:
    """The manager, as the author of a change."""
    return as_person(session.get_one(Manager, manager_id))


def day(offset: int, now: Ms = NOW) -> str:
    """The date so many days from `now`, as the API writes dates."""
    return rfc3339(now + offset * 86_400_000)[:10]


def all_of(session: Session, model: type[Any]) -> list[Any]:
    """Every row of a table, to see that nothing changed."""
    return list(session.scalars(select(model)))


def noted(session: Session) -> list[AuditEntry]:
    """The audit log without its sign-ins: each manager at the office of a test begins with one."""
    return [entry for entry in all_of(session, AuditEntry) if not entry.what.startswith("sign")]


def token_of(session: Session, serial: int, last_day: int = 65_535) -> str:
    """A token that our key signs, whether there is such a coupon or not."""
    signer = signing.load_signer(session, Sealer([SECRET]))
    return signer.write_serial(signer.newest, serial, last_day)


def age(database: Database, redemption_id: str, ms: Ms = 60_000) -> None:
    """Makes a standing redemption so much older."""
    older = update(Redemption).where(Redemption.act_id == redemption_id).values(at=Redemption.at - ms)
    database.write(lambda session: session.execute(older))
