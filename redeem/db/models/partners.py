"""Tables of partners: partners, stores, statements."""

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column

from redeem.db.base import Base, Id, Words


class Partner(Base):
    __tablename__ = "partner"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Words)
    created_at: Mapped[int]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    closed_at: Mapped[int | None]


class Store(Base):
    __tablename__ = "store"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partner.id"), index=True)
    name: Mapped[str] = mapped_column(Words)
    address: Mapped[str] = mapped_column(String(400), default="")
    hours: Mapped[str] = mapped_column(Words, default="")
    time_zone: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[int]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    closed_at: Mapped[int | None]


# Since when the store gives nothing more, by its row in a statement: it was closed, or its partner was.
CLOSED_SINCE = func.coalesce(
    Store.closed_at, select(Partner.closed_at).where(Partner.id == Store.partner_id).correlate(Store).scalar_subquery()
)


class Statement(Base):
    """What a partner is owed that no earlier statement has. It never changes, and has the partner's name of that time.

    `number` counts the statements of one partner from 1.
    """

    __tablename__ = "statement"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partner.id"))
    partner_name: Mapped[str] = mapped_column(Words)
    number: Mapped[int]
    manager_id: Mapped[str] = mapped_column(ForeignKey("manager.id"))
    at: Mapped[int]
    __table_args__ = (UniqueConstraint("partner_id", "number"), CheckConstraint("number >= 1", name="number"))


class StatementLine(Base):
    """One campaign of a statement, with its name and amounts of that time. `value` and `handling_fee` are for one gift.

    Counts are negative if more gifts were taken back than given.
    """

    __tablename__ = "statement_line"
    statement_id: Mapped[str] = mapped_column(ForeignKey("statement.id"), primary_key=True)
    campaign_number: Mapped[int] = mapped_column(ForeignKey("campaign.number"), primary_key=True, autoincrement=False)
    campaign_name: Mapped[str] = mapped_column(Words)
    gifts: Mapped[int]
    second_gifts: Mapped[int]
    partner_bears: Mapped[int]
    value: Mapped[int]
    handling_fee: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
