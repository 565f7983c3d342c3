"""Tables that count: tallies and their roll-ups."""

from sqlalchemy import SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from redeem.db.base import Base, Id, partial


class Tally(Base):
    """Outcomes counted as they happen. `slot` spreads writers over rows, so that a counter is no queue; readers add slots up.

    What is counted on an earlier day than that on which it happened has a slot of its own: the others never change once their
    day is over, so what was added up of them stays right.
    """

    __tablename__ = "tally"
    day: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    campaign_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    store_id: Mapped[str] = mapped_column(Id, primary_key=True)
    outcome: Mapped[str] = mapped_column(String(40), primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    count: Mapped[int]
    __table_args__ = (partial("ix_tally_late", "day", where="slot = 8"),)


class Rollup(Base):
    """The tally of closed days added up, so that a report reads few rows however long its period: see adding_up.py.

    A row is of `days` days from `day` on, of one campaign or of all, at one store, all of a partner's (its id) or all of them ('').
    """

    __tablename__ = "rollup"
    days: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    day: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    campaign_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    place: Mapped[str] = mapped_column(Id, primary_key=True)
    outcome: Mapped[str] = mapped_column(String(40), primary_key=True)
    count: Mapped[int]
    __table_args__ = ({"sqlite_with_rowid": False},)
