"""Makes what the office's pages show: a journal in quarantine, a second gift, a statement, a bulk void."""

from json import dumps
from typing import Any

from nacl.signing import SigningKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.accounts.audit import OPERATOR
from redeem.accounts.roles import as_person
from redeem.coupons.bulk_void import plan_campaign, take_in
from redeem.db.models.ledger import Act, Conflict
from redeem.db.models.managers import Manager
from redeem.db.models.partners import Partner, Statement, Store
from redeem.domain.journal import FIRST_HASH, Entry, read_entry, signed_bytes
from redeem.domain.signing_keys import KeyRing
from redeem.ledger import ledger
from redeem.lib.ids import new_id
from redeem.lib.sealing import Sealer
from redeem.sync import quarantine
from redeem.web.context import now_ms
from redeem.webhooks import endpoints
from redeem.webhooks.addresses import Reach
from tests import factories
from tests.factories import NOW, SECRET


def journal(session: Session, store_id: str, *entries: dict[str, Any]) -> str:
    """The id of a tablet whose entries wait; what they are doesn't matter if nothing is said."""
    key = SigningKey.generate()
    tablet = factories.tablet(session, store_id, key, "Old tablet", now_ms())
    written: list[Entry] = []
    for number, body in enumerate(entries or ({"kind": "unlock"}, {"kind": "refusal", "reason": "other"}), start=1):
        previous = written[-1].hash if written else FIRST_HASH
        text = dumps({"v": 1, "n": number, "prev": previous, "at": NOW} | body)
        written.append(read_entry(text, key.sign(signed_bytes(tablet.id, text)).signature))
    quarantine.keep(session, tablet.id, written, "revoked", tablet.id, now_ms())
    return tablet.id


def two_gifts(session: Session, campaign: int, device_id: str, store_id: str) -> str:
    """The id of the conflict: one device has given a coupon twice."""
    coupon = factories.coupon(session, campaign)
    first, second = (act(session, coupon.serial, device_id, store_id, code) for code in ("redeemed", "conflict"))
    session.add(
        Conflict(act_id=second, standing_act_id=first, serial=coupon.serial, bearer="issuer", at=now_ms(), note="")
    )
    session.flush()
    return second


def contested(session: Session, campaign: int, device_id: str, store_id: str, rule: str = "expired") -> str:
    """The id of the conflict: a device says that it gave a coupon against a rule. The gift stands."""
    coupon = factories.coupon(session, campaign)
    gift = act(session, coupon.serial, device_id, store_id, "contested")
    ledger.record_conflict(session, gift, None, coupon.serial, now_ms(), rule=rule)
    ledger.make_standing(session, coupon.serial, gift, device_id, now_ms())
    return gift


def statement(session: Session, store_id: str) -> str:
    """The id of a statement of the store's partner, closed by a shop manager."""
    partner = session.get_one(Partner, session.get_one(Store, store_id).partner_id)
    number = 1 + len(list(session.scalars(select(Statement.id).where(Statement.partner_id == partner.id))))
    made = Statement(
        id=new_id("stm", now_ms()),
        partner_id=partner.id,
        partner_name=partner.name,
        number=number,
        manager_id=session.scalars(select(Manager.id)).first(),
        at=now_ms(),
    )
    session.add(made)
    session.flush()
    return made.id


def act(session: Session, serial: int, device_id: str, store_id: str, code: str) -> str:
    made = Act(
        id=new_id("rdm", now_ms()),
        device_id=device_id,
        name=new_id("test", now_ms()),
        kind="redeem",
        store_id=store_id,
        serial=serial,
        code=code,
        answer="{}",
        fingerprint="A" * 43,
        at=now_ms(),
    )
    session.add(made)
    session.flush()
    return made.id


def bulk_void(session: Session, campaign_number: int) -> str:
    """Counted, and not begun. Answers its id."""
    manager = session.scalars(select(Manager)).first()
    assert manager
    run_id = plan_campaign(session, as_person(manager), campaign_number, 0, 2**42, now_ms())
    while take_in(session, run_id, KeyRing([])):
        pass
    return run_id


def endpoint(session: Session) -> str:
    """A webhook endpoint. Answers its id."""
    made = endpoints.add(
        session, OPERATOR, "https://shop.example/hooks", now_ms(), sealer=Sealer([SECRET]), reach=Reach.PUBLIC
    )
    return made.endpoint.id
