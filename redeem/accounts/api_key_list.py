"""The office's lists of API keys: the shop's own, and each till's."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.accounts.roles import Scope, within
from redeem.db.lines import line, lines
from redeem.db.models.api import ApiKey
from redeem.db.models.devices import Device
from redeem.db.models.managers import Manager
from redeem.db.models.partners import Store
from redeem.lib.errors import NotFound
from redeem.lib.times import Ms


@dataclass(frozen=True, slots=True)
class KeyLine:
    """`made_by` is None for a key that was made on the server. `works_until`: another follows it. A till's names its device."""

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
    select(
        ApiKey.prefix,
        ApiKey.name,
        ApiKey.scopes,
        ApiKey.created_at,
        Manager.name,
        ApiKey.last_used_at,
        ApiKey.works_until,
        ApiKey.revoked_at,
        Device.id,
        Device.name,
        Store.id,
        Store.name,
    )
    .outerjoin(Manager, Manager.id == ApiKey.manager_id)
    .outerjoin(Device, Device.id == ApiKey.device_id)
    .outerjoin(Store, Store.id == Device.store_id)
)


WORKING_FIRST = (ApiKey.revoked_at.is_not(None), ApiKey.works_until.is_not(None))


def list_shop_keys(session: Session) -> list[KeyLine]:
    """The shop's own; a till's key is its device's. Those that work first."""
    statement = KEY.where(ApiKey.kind == "shop").order_by(*WORKING_FIRST, ApiKey.created_at.desc())
    return lines(session, KeyLine, statement)


def list_till_keys(session: Session, scope: Scope, device_id: str | None = None) -> list[KeyLine]:
    """Those of the scope's tills, or of one of them, that are not revoked."""
    statement = within(KEY.where(ApiKey.kind == "till", ApiKey.revoked_at.is_(None)), scope, Device.store_id)
    if device_id is not None:
        statement = statement.where(Device.id == device_id)
    ordered = statement.order_by(Store.name, Device.name, Device.id, *WORKING_FIRST, ApiKey.created_at.desc())
    return lines(session, KeyLine, ordered)


def get_shop_key(session: Session, prefix: str) -> KeyLine:
    return line(session, KeyLine, KEY.where(ApiKey.kind == "shop", ApiKey.prefix == prefix))


def get_till_key(session: Session, scope: Scope, device_id: str) -> KeyLine:
    """The one that can be rolled. Raises NotFound."""
    found = [key for key in list_till_keys(session, scope, device_id) if key.may_roll]
    if not found:
        raise NotFound
    return found[0]
