"""Tables of counts: tallies and rollups."""

from sqlalchemy import SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from redeem.db.base import Base, Id, partial


class Tally(Base):
    """Outcomes, counted as they happen. Concurrent writers count in different slots, so that they don't wait for each other; readers sum.

    What is counted for an earlier day has slot 8. The other slots of a day never change once it is closed, so rollups of them stay right.
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
    """Sums of the tally over closed days, so that a report reads few rows however long its period. See reports/rollups.py.

    A row covers `days` days from `day` on, for one campaign or for all (-2). `place` is the id of a store, the id of a partner (all of
    its stores), or '' (all stores).
    """

    __tablename__ = "rollup"
    days: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    day: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    campaign_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    place: Mapped[str] = mapped_column(Id, primary_key=True)
    outcome: Mapped[str] = mapped_column(String(40), primary_key=True)
    count: Mapped[int]
    __table_args__ = ({"sqlite_with_rowid": False},)
