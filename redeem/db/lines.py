"""Turn the rows of a SELECT into values of a dataclass.

`select_as` takes the column of each field by the field's name and selects the columns in the order of the fields. So a row becomes a
value by position, which is faster than by name, and nobody aligns columns by eye. Whatever reads a statement as values of a dataclass
checks first that the statement's labels are the dataclass's fields.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, select
from sqlalchemy.orm import Session

from redeem.db.paging import Page, Slice, take
from redeem.lib.errors import NotFound

Line = TypeVar("Line")
Statement = Select[*tuple[Any, ...]]


def select_as(kind: type[Any], /, **columns: SQLColumnExpression[Any]) -> Statement:
    """Return a SELECT of a dataclass's fields. Raises TypeError for a field without a column and for a name that is no field."""
    names = names_of(kind)
    if columns.keys() != set(names):
        raise TypeError(f"missing or unknown fields of {kind.__name__}: {sorted(columns.keys() ^ set(names))}")
    return select(*(columns[name].label(name) for name in names))


def checked(kind: type[Line], statement: Statement) -> type[Line]:
    """Return the dataclass after checking the statement once, for code that reads its rows so often that a check each time would cost."""
    check(kind, statement.selected_columns.keys())
    return kind


def lines(session: Session, kind: type[Line], statement: Statement) -> list[Line]:
    """Return every row as a `kind`."""
    result = session.execute(statement)
    check(kind, result.keys())
    return [kind(*row) for row in result]


def line(session: Session, kind: type[Line], statement: Statement) -> Line:
    """Return the only row as a `kind`. Raises NotFound, and so gives the same answer for an unknown id and for one out of scope."""
    found = line_or_none(session, kind, statement)
    if found is None:
        raise NotFound
    return found


def line_or_none(session: Session, kind: type[Line], statement: Statement) -> Line | None:
    """Return the only row as a `kind`, or None if there is no row."""
    result = session.execute(statement)
    check(kind, result.keys())
    row = result.one_or_none()
    return None if row is None else kind(*row)


def page_of_lines(
    session: Session, kind: type[Line], statement: Statement, column: ColumnElement[Any], page: Page
) -> Slice[Line]:
    """Return the rows of a page as a `kind` each, see paging.take."""
    found = take(session, statement, column, page)
    if found.items:
        check(kind, found.items[0]._fields)
    return Slice([kind(*row) for row in found.items], found.has_more)


def check(kind: type[Any], names: Iterable[str]) -> None:
    """Raise TypeError unless these are the dataclass's fields, in their order."""
    if tuple(names) != names_of(kind):
        raise TypeError(f"{kind.__name__} has the fields {names_of(kind)}, and the columns are {tuple(names)}")


def names_of(kind: type[Any]) -> tuple[str, ...]:
    """Return the names of the dataclass's positional arguments."""
    names: tuple[str, ...] = kind.__match_args__
    return names
