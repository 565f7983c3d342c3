"""The ledger's SQL statements. They are built once, at import, and SQLAlchemy compiles each once for the database in use."""

from typing import Any

from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    Select,
    SmallInteger,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql

from redeem.db.base import Base
from redeem.db.lines import select_as
from redeem.db.models.coupons import Campaign, Coupon, SigningKey
from redeem.db.models.devices import Clerk, Device
from redeem.db.models.events import Event
from redeem.db.models.ledger import Act, Conflict, CouponChange, Deployment, Redemption, Reversal
from redeem.db.models.partners import Store
from redeem.db.models.reports import Tally
from redeem.domain.acts import Kind
from redeem.domain.judgement import NO_RIGHT_TO_BLOCK
from redeem.domain.signing_keys import KeyStatus
from redeem.events import log
from redeem.ledger.rows import IssuedCoupon, KeptAct, SecondGift, StandingRedemption

# The tally slot for what is counted on an earlier day or on a closed one, see reports/rollups.py. The statement COUNT repeats the 8.
LATE_SLOT = 8

# `status.is_void` in SQL. A requested void counts for everybody but the holder: for the holder the coupon is void once the void has
# happened, because a gift that it gave before it knew of the void is honoured.
IS_VOID = or_(Coupon.voided_at.is_not(None), Coupon.void_requested_at.is_not(None))
IS_VOID_FOR_HOLDER = Coupon.voided_at.is_not(None)
# Of coupons: the key that signed it is compromised. Written out, because statements that bypass SQLAlchemy have no values of their own.
_COMPROMISED: ColumnElement[str] = literal_column(f"'{KeyStatus.COMPROMISED.value}'")
IS_COMPROMISED = exists(
    select(SigningKey.kid).where(SigningKey.kid == Coupon.key_id, SigningKey.status == _COMPROMISED)
)
IS_REDEEMED = select(Redemption.serial).where(Redemption.serial == Coupon.serial).exists()

# A gift that the holder's journal does not know, and that breaks no rule. An act is named after the device that a tablet was before it was
# enrolled anew, if the ledger lacks that one: then the tablet's present journal does not know of it.
_OTHERS_GIFT = (
    select(Redemption.serial)
    .join(Act, Act.id == Redemption.act_id)
    .where(
        Redemption.serial == Coupon.serial,
        or_(Redemption.device_id != Coupon.holder_id, Act.name.startswith("dev_", autoescape=True)),
        ~exists().where(
            Conflict.act_id == Redemption.act_id, Conflict.rule.is_not(None), Conflict.withdrawn_at.is_(None)
        ),
    )
)
SERIALS: BindParameter[list[int]] = bindparam("serials", expanding=True)
RECALL_BESIDE = (
    update(Coupon)
    .where(
        Coupon.serial.in_(SERIALS), Coupon.holder_id.is_not(None), Coupon.recalled_at.is_(None), _OTHERS_GIFT.exists()
    )
    .values(recalled_at=bindparam("now"))
)

# While the ledger recovers, and while it is known to be an old copy.
ONLY_HOLDERS_GIVE = or_(Deployment.recovering_since.is_not(None), Deployment.behind_generation.is_not(None))

IS_NAMED = and_(Act.device_id == bindparam("device_id"), Act.name == bindparam("name"))

FIND_COUPON = (
    select_as(
        IssuedCoupon,
        serial=Coupon.serial,
        key_id=Coupon.key_id,
        compromised=IS_COMPROMISED,
        short_code=Coupon.short_code,
        last_day=Coupon.last_day,
        void_since=func.coalesce(Coupon.voided_at, Coupon.void_requested_at),
        holder_id=Coupon.holder_id,
        epoch=Coupon.epoch,
        unproved=Coupon.unproved,
        home_store_id=Coupon.home_store_id,
        terms_text=Campaign.terms,
        recovering=exists(select(Deployment.id).where(ONLY_HOLDERS_GIVE)),
    )
    .join(Campaign, Campaign.number == Coupon.campaign_number)
    .where(Coupon.serial == bindparam("serial"))
)
# FOR NO KEY UPDATE: transactions that settle or void the coupon wait; those that only insert a row with a foreign key to it don't.
FIND_COUPON_AND_LOCK = FIND_COUPON.with_for_update(of=Coupon, key_share=True)
FIND_COUPON_AND_ACT = FIND_COUPON_AND_LOCK.add_columns(Act.id).outerjoin(Act, IS_NAMED)
TERMS = select(Campaign.terms).where(Campaign.number == bindparam("number"))

STANDING = (
    select_as(
        StandingRedemption,
        serial=Redemption.serial,
        act_id=Redemption.act_id,
        at=Redemption.at,
        handed_over_at=Redemption.handed_over_at,
        device_id=Device.id,
        device_name=Device.name,
        store_id=Store.id,
        store_name=Store.name,
        partner_id=Store.partner_id,
        time_zone=Store.time_zone,
        clerk_id=Clerk.id,
        clerk_name=Clerk.name,
    )
    .join(Act, Act.id == Redemption.act_id)
    .join(Device, Device.id == Act.device_id)
    .join(Store, Store.id == Act.store_id)
    .outerjoin(Clerk, Clerk.id == Act.clerk_id)
)
STANDING_BY_SERIAL = STANDING.where(Redemption.serial == bindparam("serial"))
STANDING_BY_ACT = STANDING.where(Redemption.act_id == bindparam("act_id"))

ACT = (
    select_as(
        KeptAct,
        id=Act.id,
        device_id=Act.device_id,
        name=Act.name,
        kind=Act.kind,
        store_id=Act.store_id,
        serial=Act.serial,
        code=Act.code,
        answer=Act.answer,
        fingerprint=Act.fingerprint,
        time_zone=Store.time_zone,
        at=Act.at,
        device_at=Act.device_at,
        in_journal=Act.entry.is_not(None),
        reversal=Reversal.reason,
        reversed_by_id=Reversal.manager_id,
    )
    .join(Store, Store.id == Act.store_id)
    .outerjoin(Reversal, Reversal.act_id == Act.id)
)
ACT_BY_NAME = ACT.where(IS_NAMED)
ACT_BY_ID = ACT.where(Act.id == bindparam("act_id"))
SERIAL_BY_SHORT_CODE = select(Coupon.serial).where(Coupon.short_code == bindparam("short_code"))

# ON CONFLICT is the same in SQLite and PostgreSQL. It names no column, so that any violated constraint counts.
REDEEM = text(
    "INSERT INTO redemption (serial, act_id, device_id, at, handed_over_at) VALUES (:serial, :act_id, :device_id, :at, :handed_over_at)"
    " ON CONFLICT DO NOTHING RETURNING serial"
)
REVERSE = text(
    "INSERT INTO reversal (act_id, reason, by_act_id, manager_id, at, late)"
    " VALUES (:act_id, :reason, :by_act_id, :manager_id, :at, :late)"
    " ON CONFLICT DO NOTHING RETURNING act_id"
)
OPEN = (
    delete(Redemption)
    .where(Redemption.serial == bindparam("of_serial"), Redemption.act_id == bindparam("of_act_id"))
    .returning(Redemption.at)
)
HAND_OVER = (
    update(Redemption)
    .where(Redemption.act_id == bindparam("of_act_id"))
    .values(handed_over_at=func.coalesce(Redemption.handed_over_at, bindparam("now")))
    .returning(Redemption.serial)
)
HAND_OVER_ONCE = (
    update(Redemption)
    .where(Redemption.act_id == bindparam("of_act_id"), Redemption.handed_over_at.is_(None))
    .values(handed_over_at=bindparam("now"))
    .returning(Redemption.serial)
)
CONFLICT = text(
    "INSERT INTO conflict (act_id, standing_act_id, serial, rule, bearer, at, note)"
    " VALUES (:act_id, :standing_act_id, :serial, :rule, :bearer, :at, '')"
    " ON CONFLICT DO NOTHING RETURNING act_id"
)
WITHDRAW_CONFLICT = (
    update(Conflict)
    .where(Conflict.act_id == bindparam("of_act_id"), Conflict.withdrawn_at.is_(None))
    .values(withdrawn_at=bindparam("now"))
    .returning(Conflict.serial)
)
IS_CONTESTED = select(
    exists().where(
        Conflict.act_id == bindparam("of_act_id"), Conflict.rule.is_not(None), Conflict.withdrawn_at.is_(None)
    )
)
SECOND_TO = (
    update(Conflict).where(Conflict.act_id == bindparam("of_act_id")).values(standing_act_id=bindparam("to_act_id"))
)
# The gift that comes to stand if the one that stands is reversed: one that breaks no rule, or else a contested one that may stand.
NEXT_TO_STAND = (
    select_as(
        SecondGift,
        act_id=Act.id,
        device_id=Act.device_id,
        at=Act.at,
        store_id=Act.store_id,
        time_zone=Store.time_zone,
        rule=Conflict.rule,
    )
    .join(Conflict, Conflict.act_id == Act.id)
    .join(Store, Store.id == Act.store_id)
    .join(Coupon, Coupon.serial == Conflict.serial)
    .where(
        Conflict.serial == bindparam("serial"),
        Conflict.withdrawn_at.is_(None),
        or_(
            Conflict.rule.is_(None),
            and_(
                Conflict.rule.not_in(NO_RIGHT_TO_BLOCK),
                or_(Coupon.holder_id.is_(None), Coupon.holder_id == Act.device_id),
            ),
        ),
    )
    .order_by(Conflict.rule.is_not(None), Conflict.at, Act.id)
    .limit(1)
)
RELEASES = select(Act.entry).where(
    Act.serial == bindparam("serial"), Act.device_id == bindparam("device_id"), Act.kind == Kind.RELEASE
)
RELEASED_BY_MOVES = select(Device.released_until).where(Device.id == bindparam("device_id"))
LAST_GAVE = select(func.max(Act.device_at)).where(
    Act.serial == bindparam("serial"),
    Act.device_id == bindparam("device_id"),
    Act.kind == Kind.GAVE,
    Act.at >= bindparam("since"),
)

# The position of a change. SQLite commits one writer after another, so a counter is in commit order. PostgreSQL commits in parallel, so
# there the position is the transaction id, and readers start again from the oldest transaction that was in progress.
NOTE_CHANGE = {
    "sqlite": text("INSERT INTO change (position, serial) SELECT coalesce(max(position), 0) + 1, :serial FROM change"),
    "postgresql": text(
        "INSERT INTO change (position, serial) VALUES (pg_current_xact_id()::text::bigint, :serial) ON CONFLICT DO NOTHING"
    ),
}
APPEND_ACT = text(
    "INSERT INTO act (id, device_id, name, kind, store_id, clerk_id, serial, code, answer, fingerprint, at, device_at,"
    " entry, signature) VALUES (:id, :device_id, :name, :kind, :store_id, :clerk_id, :serial, :code, :answer,"
    " :fingerprint, :at, :device_at, :entry, :signature)"
    " ON CONFLICT DO NOTHING RETURNING id"
)
# On a closed day everything counts as late, whatever the caller says: a clock that was days ahead may have closed the day too early.
COUNT = text(
    "INSERT INTO tally (day, campaign_number, store_id, outcome, slot, count)"
    " VALUES (:day, :campaign_number, :store_id, :outcome,"
    " CASE WHEN EXISTS (SELECT 1 FROM deployment WHERE added_up_until >= :day) THEN 8 ELSE :slot END, :count)"
    " ON CONFLICT (day, campaign_number, store_id, outcome, slot) DO UPDATE SET count = tally.count + excluded.count"
)


def redeem_in_one_statement(source: CTE | None = None) -> Select[bool, bool]:
    """Build, for PostgreSQL, one statement of REDEEM and, if that inserted a row, APPEND_ACT, COUNT, NOTE_CHANGE and the event's row.

    It returns two booleans: whether the redemption was inserted, and whether the act was. With `source`, all of it happens only if
    `source` has a row.
    """
    redeemed = insert_row(Redemption, source).on_conflict_do_nothing().returning(Redemption.serial).cte("redeemed")
    kept = insert_row(Act, redeemed).on_conflict_do_nothing().returning(Act.id).cte("kept")
    closed = exists(select(Deployment.id).where(Deployment.added_up_until >= bindparam("day")))
    slot = case((closed, literal_column(str(LATE_SLOT))), else_=bindparam("slot", type_=SmallInteger()))
    tally = insert_row(Tally, redeemed, slot=slot)
    counted = tally.on_conflict_do_update(
        index_elements=Tally.__mapper__.primary_key, set_={"count": Tally.count + tally.excluded["count"]}
    )
    changed = select(literal_column("pg_current_xact_id()::text::bigint"), redeemed.c.serial)
    noted = postgresql.insert(CouponChange).from_select(["position", "serial"], changed).on_conflict_do_nothing()
    told = insert_row(
        Event,
        redeemed,
        id=bindparam("event_id"),
        position=literal_column(log.POSITION),
        generation=literal_column(log.GENERATION),
    )
    rows = counted.cte("counted"), noted.cte("noted"), told.on_conflict_do_nothing().cte("told")
    return select(exists(select(redeemed)), exists(select(kept))).add_cte(*rows)


def insert_row(model: type[Base], source: CTE | None = None, **values: ColumnElement[Any]) -> postgresql.Insert:
    """Build the INSERT of one row. Its values are parameters named like the columns, except those given in `values`, and a number that
    the database draws.

    With `source`, the row is inserted only if `source` has one.
    """
    columns = [column for column in model.__table__.columns if column.autoincrement is not True]
    row = select(*(values.get(column.name, bindparam(column.name, type_=column.type)) for column in columns))
    names = [column.name for column in columns]
    return postgresql.insert(model).from_select(names, row if source is None else row.select_from(source))


REDEEM_IN_ONE_STATEMENT = redeem_in_one_statement()
# Locked as by FIND_COUPON_AND_LOCK. After a wait for the lock, PostgreSQL evaluates the conditions again on the row as it is then.
UNCHANGED = (
    select(Coupon.serial)
    .join(Campaign, Campaign.number == Coupon.campaign_number)
    .where(
        Coupon.serial == bindparam("serial"),
        Coupon.last_day == bindparam("last_day"),
        Campaign.terms == bindparam("terms"),
        ~IS_VOID,
        ~IS_COMPROMISED,
        Coupon.holder_id.is_(None),
        ~exists(select(Deployment.id).where(ONLY_HOLDERS_GIVE)),
    )
    .with_for_update(of=Coupon, key_share=True)
)
REDEEM_IF_UNCHANGED = redeem_in_one_statement(UNCHANGED.cte("unchanged"))
