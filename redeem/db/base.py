"""What the tables of models.py are made of: their base, and the columns and indexes that many of them have."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Index, MetaData, String, text
from sqlalchemy.orm import DeclarativeBase, registry

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

Id = String(40)
Words = String(200)


class Base(DeclarativeBase):
    registry = registry(
        metadata=MetaData(naming_convention=NAMES), type_annotation_map={int: BigInteger, dict[str, Any]: JSON}
    )


def partial(name: str, *columns: str, where: str) -> Index:
    """An index of few rows among many: those that somebody waits for."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))
