"""Rows of a SELECT as values of a dataclass."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

from redeem.lib.errors import NotFound

Line = TypeVar("Line")


def lines(session: Session, kind: Callable[..., Line], statement: Select[*tuple[Any, ...]]) -> list[Line]:
    return [kind(*row) for row in session.execute(statement)]


def line(session: Session, kind: Callable[..., Line], statement: Select[*tuple[Any, ...]]) -> Line:
    """The one line, or NotFound: whether it is unknown or of another's, the answer is the same."""
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return kind(*row)
