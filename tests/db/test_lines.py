"""A SELECT is read as values of a dataclass if it asks for its fields in their order, and not otherwise."""

from dataclasses import dataclass

import pytest
from sqlalchemy import literal, select

from redeem.db.lines import checked, line, line_or_none, lines, page_of_lines, select_as
from redeem.db.models.partners import Partner
from redeem.db.paging import Page
from redeem.lib.errors import NotFound


@dataclass(frozen=True, slots=True)
class Name:
    """A partner, as this test reads one."""

    name: str
    id: str
    made_by: str = "nobody"


NAME = select_as(Name, id=Partner.id, made_by=literal("us"), name=Partner.name).order_by(Partner.name)
NOBODY = NAME.where(Partner.id == "prt_nobody")
WRONG = {
    "swapped": (Partner.id, Partner.name, literal("us").label("made_by")),
    "missing": (Partner.name, Partner.id),
    "not labelled": (Partner.name, Partner.id, literal("us")),
    "one too many": (Partner.name, Partner.id, literal("us").label("made_by"), Partner.created_at),
}


def test_each_field_has_its_column_in_whichever_order_they_are_said(database, cast):
    north, south = database.read(lambda session: lines(session, Name, NAME))
    assert north == Name("North Coffee", cast.north_partner, "us")
    assert south == Name("South Bakery", cast.south_partner, "us")


@pytest.mark.parametrize(
    "columns",
    [
        {"id": Partner.id, "name": Partner.name},
        {"id": Partner.id, "name": Partner.name, "made_by": literal("us"), "at": Partner.created_at},
        {"id": Partner.id, "name": Partner.name, "madeby": literal("us")},
    ],
    ids=["missing", "unknown", "misspelt"],
)
def test_a_field_without_a_column_or_a_column_without_a_field_is_refused(columns):
    with pytest.raises(TypeError, match=r"missing or unknown fields of Name: .*(at|made_by)"):
        select_as(Name, **columns)


@pytest.mark.parametrize("columns", WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("read", [lines, line, line_or_none])
def test_a_statement_of_other_columns_is_not_read(database, cast, read, columns):
    statement = select(*columns).where(Partner.id == cast.north_partner)
    with pytest.raises(TypeError, match="Name has the fields"):
        database.read(lambda session: read(session, Name, statement))


@pytest.mark.parametrize("columns", WRONG.values(), ids=WRONG.keys())
def test_nor_is_a_page_of_it_or_what_is_checked_once(database, cast, columns):
    statement = select(*columns)
    with pytest.raises(TypeError, match="Name has the fields"):
        database.read(lambda session: page_of_lines(session, Name, statement, Partner.id.expression, Page()))
    with pytest.raises(TypeError, match="Name has the fields"):
        checked(Name, statement)


def test_what_is_checked_once_is_the_dataclass_itself():
    assert checked(Name, NOBODY) is Name


def test_a_page_has_the_newest_first(database, cast):
    page = database.read(
        lambda session: page_of_lines(session, Name, NAME.order_by(None), Partner.id.expression, Page(1))
    )
    assert ([each.id for each in page.items], page.has_more) == ([max(cast.north_partner, cast.south_partner)], True)


def test_nothing_found_is_none_or_not_found(database, cast):
    assert database.read(lambda session: line_or_none(session, Name, NOBODY)) is None
    with pytest.raises(NotFound):
        database.read(lambda session: line(session, Name, NOBODY))
