"""The table of events."""

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from redeem.db.base import Base, Id, partial


class Event(Base):
    """One thing that happened to a coupon, written in the transaction that decided it. Old ones are deleted.

    `id` is the same for ever, `seq` the order in which the rows were inserted. PostgreSQL commits side by side, so there `position` is made
    of the generation and the transaction's number: see events/reader.py. SQLite has none. `act_id` gave the gift. `data` is a JSON object
    of what no other row has. No foreign key: an event refers to what is never deleted, and each redemption would pay for the check.
    """

    __tablename__ = "event"
    seq: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    id: Mapped[str] = mapped_column(Id, unique=True)
    position: Mapped[int | None]
    type: Mapped[str] = mapped_column(String(40))
    serial: Mapped[int | None]
    act_id: Mapped[str | None] = mapped_column(Id)
    occurred_at: Mapped[int]
    recorded_at: Mapped[int]
    generation: Mapped[int]
    data: Mapped[str] = mapped_column(Text)
    __table_args__ = (partial("ix_event_position", "position", where="position IS NOT NULL"),)
