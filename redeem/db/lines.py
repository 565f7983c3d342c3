"""Turn the rows of a SELECT into values of a dataclass. The statement's columns are in the order of the dataclass's fields."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

from redeem.lib.errors import NotFound

Line = TypeVar("Line")


def lines(session: Session, kind: Callable[..., Line], statement: Select[*tuple[Any, ...]]) -> list[Line]:
    """Return every row as a `kind`."""
    return [kind(*row) for row in session.execute(statement)]


def line(session: Session, kind: Callable[..., Line], statement: Select[*tuple[Any, ...]]) -> Line:
    """Return the only row as a `kind`. Raises NotFound, and so gives the same answer for an unknown id and for one out of scope."""
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return kind(*row)
