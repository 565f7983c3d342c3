"""API keys as the office lists them: the shop's, and those of the tills in a manager's scope."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from redeem.accounts.roles import Scope, within
from redeem.db.lines import line, lines, select_as
from redeem.db.models.api import ApiKey
from redeem.db.models.devices import Device
from redeem.db.models.managers import Manager
from redeem.db.models.partners import Store
from redeem.lib.errors import NotFound
from redeem.lib.times import Ms


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One API key of a list. `made_by` is the manager's name, or None for a key that was made on the command line.

    `works_until` is set once the key was rolled. The device and its store are set for a till's key.
    """

    prefix: str
    name: str
    scopes: str
    created_at: Ms
    made_by: str | None
    last_used_at: Ms | None
    works_until: Ms | None
    revoked_at: Ms | None
    device_id: str | None
    device_name: str | None
    store_id: str | None
    store_name: str | None

    def works(self, now: Ms) -> bool:
        return self.revoked_at is None and (self.works_until is None or now < self.works_until)

    @property
    def may_roll(self) -> bool:
        return self.revoked_at is None and self.works_until is None


KEY = (
    select_as(
        KeyLine,
        prefix=ApiKey.prefix,
        name=ApiKey.name,
        scopes=ApiKey.scopes,
        created_at=ApiKey.created_at,
        made_by=Manager.name,
        last_used_at=ApiKey.last_used_at,
        works_until=ApiKey.works_until,
        revoked_at=ApiKey.revoked_at,
        device_id=Device.id,
        device_name=Device.name,
        store_id=Store.id,
        store_name=Store.name,
    )
    .outerjoin(Manager, Manager.id == ApiKey.manager_id)
    .outerjoin(Device, Device.id == ApiKey.device_id)
    .outerjoin(Store, Store.id == Device.store_id)
)


WORKING_FIRST = (ApiKey.revoked_at.is_not(None), ApiKey.works_until.is_not(None))


def list_shop_keys(session: Session) -> list[KeyLine]:
    """Return the shop's keys, not the tills', those that work first."""
    statement = KEY.where(ApiKey.kind == "shop").order_by(*WORKING_FIRST, ApiKey.created_at.desc())
    return lines(session, KeyLine, statement)


def list_till_keys(session: Session, scope: Scope, device_id: str | None = None) -> list[KeyLine]:
    """Return the keys that are not revoked of the tills in the scope, or of one of these tills."""
    statement = within(KEY.where(ApiKey.kind == "till", ApiKey.revoked_at.is_(None)), scope, Device.store_id)
    if device_id is not None:
        statement = statement.where(Device.id == device_id)
    ordered = statement.order_by(Store.name, Device.name, Device.id, *WORKING_FIRST, ApiKey.created_at.desc())
    return lines(session, KeyLine, ordered)


def get_shop_key(session: Session, prefix: str) -> KeyLine:
    """Return one of the shop's keys. Raises NotFound."""
    return line(session, KeyLine, KEY.where(ApiKey.kind == "shop", ApiKey.prefix == prefix))


def get_till_key(session: Session, scope: Scope, device_id: str) -> KeyLine:
    """Return the till's key that can be rolled. Raises NotFound if there is none, or if the till is outside the scope."""
    keys = [key for key in list_till_keys(session, scope, device_id) if key.may_roll]
    if not keys:
        raise NotFound
    return keys[0]
