"""The declarative base of all tables, with its naming convention, and the column types and indexes that several tables share."""

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


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return a partial index, on both databases: for queries that look for few rows in a large table."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))
