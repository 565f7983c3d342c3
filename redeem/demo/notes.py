"""The keys, passwords, link and coupons that a visitor of the demo needs, kept in instance/demo.json.

The database holds only hashes of them. So a start reads the file of the start before, and makes anew what is not there.
"""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from redeem.accounts import api_key_format, api_keys, roles
from redeem.accounts.audit import OPERATOR
from redeem.accounts.roles import Role
from redeem.db.models.api import ApiKey
from redeem.db.models.devices import Clerk
from redeem.demo import offers
from redeem.demo.partners import BY_KEY, DEMO_STORE, PARTNER_IDS, clerk_id, device_id
from redeem.demo.samples import TILL, Samples
from redeem.devices.enrolment import invite_tablet
from redeem.lib import ids, passwords
from redeem.lib.errors import BadKey, Invalid
from redeem.lib.files import write_private
from redeem.lib.times import Ms
from redeem.web.context import Context
from redeem.web.urls import enrolment_link

Notes = dict[str, Any]
FILE = "demo.json"
KEY_NAME = "Demo"
TABLET_NAME = "My tablet"
LINK_MINUTES = 24 * 60
STORE = BY_KEY[DEMO_STORE]


@dataclass(frozen=True, slots=True)
class Login:
    """A manager of the demo. The first one is the shop manager."""

    role: Role
    email: str
    name: str
    partner_id: str | None = None
    store_id: str | None = None


LOGINS = (
    Login(Role.SHOP_MANAGER, "manager@utro.example", "Марина Котова"),
    Login(Role.PARTNER_MANAGER, "partner@zerno.example", "Денис Орлов", partner_id=PARTNER_IDS["zerno"]),
    Login(Role.STORE_MANAGER, "store@zerno.example", "Анна Лис", STORE.partner_id, STORE.id),
    Login(Role.AUDITOR, "auditor@utro.example", "Helen Berg"),
)


def take(tools: Context, file: Path, samples: Samples, now: Ms) -> Notes:
    """Writes the notes of this start to the file, and returns them. The enrolment link is new each time, because a link works once."""
    old = read(file)
    good = {"valid": samples.valid, "at_home": samples.at_home}
    managers = [manager_login(tools, login, old, now) for login in LOGINS]
    notes = {
        "base_url": tools.settings.base_url,
        "shop_key": kept_key(tools, old, "shop_key") or new_shop_key(tools, now),
        "till_key": kept_key(tools, old, "till_key") or new_till_key(tools, now),
        "manager": {name: managers[0][name] for name in ("email", "password")},
        "managers": managers,
        "clerk": clerk_login(tools, old),
        "enrolment_url": new_link(tools, now),
        "store": STORE.id,
        "campaign": ids.campaign_id(offers.COFFEE),
        "coupons": {name: [one.digits for one in some] for name, some in good.items()}
        | {kind: one.digits for kind, one in samples.kinds.items()},
        "short_codes": {name: [one.short_code for one in some] for name, some in good.items()}
        | {kind: one.short_code for kind, one in samples.kinds.items() if one.short_code},
    }
    write_private(file, json.dumps(notes, ensure_ascii=False, indent=2).encode() + b"\n")
    return notes


def read(file: Path) -> Notes:
    """Returns the notes of the start before, or an empty mapping if there are none or they can't be read."""
    try:
        notes = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def kept_key(tools: Context, old: Notes, name: str) -> str | None:
    """Returns the key of the last start, or None if it works no more."""
    text = old.get(name)
    try:
        presented = api_key_format.parse(text) if isinstance(text, str) else None
    except BadKey:
        return None
    known = presented and tools.database.read(lambda session: api_keys.find_key(session, presented.prefix))
    return text if presented and known and api_key_format.same(known.secret_hash, presented.hash) else None


def new_shop_key(tools: Context, now: Ms) -> str:
    def work(session: Session) -> str:
        forget_key(session, "shop", now)
        return api_keys.add_shop_key(session, OPERATOR, KEY_NAME, now)

    return tools.database.write(work)


def new_till_key(tools: Context, now: Ms) -> str:
    """Returns a new key for the same till, which keeps its history."""

    def work(session: Session) -> str:
        forget_key(session, "till", now)
        return api_keys.add_till_key(session, OPERATOR, device_id(STORE, TILL), KEY_NAME, now).text

    return tools.database.write(work)


def forget_key(session: Session, kind: str, now: Ms) -> None:
    """Revokes the key of notes that were lost: whoever finds them must not get in."""
    lost = (ApiKey.kind == kind, ApiKey.name == KEY_NAME, ApiKey.revoked_at.is_(None))
    session.execute(update(ApiKey).where(*lost).values(revoked_at=now))


def manager_login(tools: Context, login: Login, old: Notes, now: Ms) -> Notes:
    manager = tools.database.read(lambda session: roles.find_manager(session, login.email))
    password = old_secret(old.get("managers"), "email", login.email, "password")
    if manager is None or not password or not passwords.verify(manager.password_hash, password):
        password = secrets.token_urlsafe(12)
        set_password(tools, login, roles.new_password(password), now)
    return {"role": login.role.value, "email": login.email, "password": password}


def set_password(tools: Context, login: Login, password_hash: str, now: Ms) -> None:
    def work(session: Session) -> None:
        known = roles.find_manager(session, login.email)
        if known:
            known.password_hash = password_hash
            return
        scope = {"partner_id": login.partner_id, "store_id": login.store_id}
        roles.add_manager(session, login.email, login.name, login.role, password_hash, now, **scope)

    tools.database.write(work)


def clerk_login(tools: Context, old: Notes) -> Notes:
    """A clerk of the demo's store, with a PIN."""
    name = STORE.clerks[0]
    own_id = clerk_id(STORE, name)
    pin = old_secret([old.get("clerk")], "id", own_id, "pin")
    stored = tools.database.read(lambda session: session.get_one(Clerk, own_id).pin_hash)
    if not pin or not passwords.verify(stored, pin):
        pin = new_pin()
        pin_hash = passwords.hash_password(pin)
        tools.database.write(
            lambda session: session.execute(update(Clerk).where(Clerk.id == own_id).values(pin_hash=pin_hash)) and None
        )
    return {"id": own_id, "name": name, "pin": pin}


def old_secret(things: object, key: str, value: str, secret: str) -> str | None:
    """Returns the `secret` of the item whose `key` is `value`, or None if the notes have none."""
    for thing in things if isinstance(things, list) else []:
        if isinstance(thing, dict) and thing.get(key) == value and isinstance(thing.get(secret), str):
            return str(thing[secret])
    return None


def new_pin() -> str:
    """Four random digits that `check_pin` lets pass."""
    while True:
        pin = f"{secrets.randbelow(10_000):04d}"
        try:
            passwords.check_pin(pin)
        except Invalid:
            continue
        return pin


def new_link(tools: Context, now: Ms) -> str:
    enrolment = tools.database.write(
        lambda session: invite_tablet(session, OPERATOR, STORE.id, TABLET_NAME, now, LINK_MINUTES)
    )
    return enrolment_link(tools, enrolment.id)
