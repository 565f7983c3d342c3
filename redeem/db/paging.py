"""Keyset pagination, newest first. A cursor is the id of an item.

A cursor is compared and never looked up, so a cursor from outside the caller's scope reveals nothing.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Row, Select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

T = TypeVar("T")

PAGE_ITEMS = 20
PAGE_ITEMS_MAX = 100


@dataclass(frozen=True, slots=True)
class Page:
    """The part of a list to return: at most `limit` items older than `after` or newer than `before`, both values of the ordering column."""

    limit: int = PAGE_ITEMS
    after: Any = None
    before: Any = None


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """Items, newest first. `has_more`: further items follow in the direction of the page (older, or with `before` newer)."""

    items: list[T]
    has_more: bool


def take(
    session: Session, statement: Select[*tuple[Any, ...]], column: ColumnElement[Any], page: Page
) -> Slice[Row[*tuple[Any, ...]]]:
    """Return the rows of `statement` on this page. `column` orders them and must be unique."""
    part = statement if page.after is None else statement.where(column < page.after)
    if page.before is None:
        return Slice(*_fetch(session, part.order_by(column.desc()), page.limit))
    items, has_more = _fetch(session, part.where(column > page.before).order_by(column.asc()), page.limit)
    return Slice(items[::-1], has_more)


def _fetch(
    session: Session, statement: Select[*tuple[Any, ...]], limit: int
) -> tuple[list[Row[*tuple[Any, ...]]], bool]:
    rows = list(session.execute(statement.limit(limit + 1)))
    return rows[:limit], len(rows) > limit
