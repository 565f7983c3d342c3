"""The cast: one shop, two partners, their stores, and everybody who may or may not do something.

    shop          shop_key (all scopes), reader_key (reads only)
    North Coffee  north store: north_till, north_till_two, tablet, clerk (PIN 4071) · annex store: annex_till
    South Bakery  south store: south_till, south_tablet, south_clerk (PIN 5280)
    managers      shop_manager@…, partner_manager@… (north), store_manager@… (north store), auditor@…, south_manager@…
    intruder      intruder_key has the right form and is nobody's; revoked_till and revoked_key were good once

Campaigns: `anywhere` is good at both partners, and is given at risk; `north_only` at North Coffee alone, and is not. They are made in
one transaction, once a run, in a database that each test gets its own copy of (see conftest.py).
"""

from dataclasses import dataclass

from nacl.signing import SigningKey
from sqlalchemy.orm import Session

from redeem.accounts import api_key_format, api_keys
from redeem.accounts.audit import OPERATOR
from redeem.devices import clerks, enrolment
from redeem.ledger import signing
from redeem.lib import passwords
from redeem.lib.sealing import Sealer
from tests import factories
from tests.factories import NOW, SECRET

PIN, SOUTH_PIN = "4071", "5280"
PASSWORD = "a long password for tests"
TABLET_KEY = SigningKey(b"the tablet of the north store 01")
SOUTH_TABLET_KEY = SigningKey(b"the tablet of the south store 02")


AT_RISK = {"policy": "at_risk", "coupons": 1_000, "value": 10**12, "hours": 168, "bearer": "issuer"}


@dataclass(frozen=True, slots=True)
class Cast:
    """The ids (`…_id`), the texts of the keys and the numbers of the campaigns."""

    shop_key: str
    reader_key: str
    revoked_key: str
    intruder_key: str
    intruder_till: str
    north_partner: str
    north: str
    annex: str
    south_partner: str
    south: str
    north_till: str
    north_till_id: str
    north_till_two: str
    north_till_two_id: str
    annex_till: str
    annex_till_id: str
    south_till: str
    south_till_id: str
    revoked_till: str
    tablet_id: str
    south_tablet_id: str
    clerk_id: str
    south_clerk_id: str
    managers: dict[str, str]  # role, or "south_manager" -> email; all have PASSWORD
    anywhere: int
    north_only: int


def assemble(session: Session) -> Cast:
    """Makes them all."""
    signing.rotate(session, Sealer([SECRET]), NOW)
    north_partner = factories.partner(session, "North Coffee").id
    south_partner = factories.partner(session, "South Bakery").id
    north = factories.store(session, north_partner, "North, on the square").id
    annex = factories.store(session, north_partner, "North, at the station").id
    south = factories.store(session, south_partner, "South, by the river").id
    tills = {
        name: enrolment.add_till(session, OPERATOR, place, name.replace("_", " "), NOW)
        for name, place in (
            ("north_till", north),
            ("north_till_two", north),
            ("annex_till", annex),
            ("south_till", south),
            ("revoked_till", north),
        )
    }
    enrolment.revoke_device(session, OPERATOR, tills["revoked_till"].device.id, NOW)
    return Cast(
        shop_key=api_keys.add_shop_key(session, OPERATOR, "web shop", NOW),
        reader_key=api_keys.add_shop_key(session, OPERATOR, "reports", NOW, (api_keys.READ,)),
        revoked_key=revoked_shop_key(session),
        intruder_key=api_key_format.mint("shop").text,
        intruder_till=api_key_format.mint("till").text,
        north_partner=north_partner,
        north=north,
        annex=annex,
        south_partner=south_partner,
        south=south,
        **{name: till.key_text for name, till in tills.items()},
        **{f"{name}_id": till.device.id for name, till in tills.items() if name != "revoked_till"},
        tablet_id=factories.tablet(session, north, TABLET_KEY, "North counter").id,
        south_tablet_id=factories.tablet(session, south, SOUTH_TABLET_KEY, "South counter").id,
        clerk_id=clerks.add_clerk(session, OPERATOR, north, "Anna", passwords.hash_password(PIN), NOW).id,
        south_clerk_id=clerks.add_clerk(session, OPERATOR, south, "Boris", passwords.hash_password(SOUTH_PIN), NOW).id,
        managers=managers(session, north_partner, north, south_partner),
        anywhere=factories.campaign(
            session, "Autumn gifts", partners=[north_partner, south_partner], offline=AT_RISK
        ).number,
        north_only=factories.campaign(session, "North only", partners=[north_partner]).number,
    )


def revoked_shop_key(session: Session) -> str:
    text = api_keys.add_shop_key(session, OPERATOR, "an old program", NOW)
    api_keys.revoke_shop_key(session, OPERATOR, api_key_format.parse(text).prefix, NOW)
    return text


def managers(session: Session, north_partner: str, north: str, south_partner: str) -> dict[str, str]:
    password_hash = passwords.hash_password(PASSWORD)
    posts: dict[str, tuple[str, dict[str, str]]] = {
        "shop_manager": ("shop_manager", {}),
        "auditor": ("auditor", {}),
        "partner_manager": ("partner_manager", {"partner_id": north_partner}),
        "store_manager": ("store_manager", {"partner_id": north_partner, "store_id": north}),
        "south_manager": ("partner_manager", {"partner_id": south_partner}),
    }
    for name, (role, scope) in posts.items():
        factories.manager(session, role, f"{name}@example.org", password_hash, **scope)
    return {name: f"{name}@example.org" for name in posts}
