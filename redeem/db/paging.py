"""Paging: a long list in pages, newest first, by cursors that are the items' own ids.

A cursor is compared and never looked up, so one of another tenant tells nothing.
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
    """Which part of a list: up to `limit` items older than `after` and newer than `before`; values of the ordering column."""

    limit: int = PAGE_ITEMS
    after: Any = None
    before: Any = None


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """Items, newest first, and whether there are more in the direction that was asked for."""

    items: list[T]
    has_more: bool


def take(
    session: Session, statement: Select[*tuple[Any, ...]], column: ColumnElement[Any], page: Page
) -> Slice[Row[*tuple[Any, ...]]]:
    """The rows of `statement` on this page; `column` is unique and orders them."""
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
