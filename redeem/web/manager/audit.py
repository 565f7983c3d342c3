"""The log of changes by managers and the shop's programs: filtered, in pages, and as CSV."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from redeem.accounts import api_key_format, change_list
from redeem.accounts.audit import Change
from redeem.accounts.change_list import ChangeFilter, ChangeLine
from redeem.accounts.roles import Permission
from redeem.db.paging import Page
from redeem.lib.csvfile import Cell
from redeem.lib.errors import NotFound
from redeem.lib.ids import is_id
from redeem.lib.times import Ms, rfc3339
from redeem.web.context import context, read
from redeem.web.manager.access import office, person
from redeem.web.manager.files import csv_file
from redeem.web.manager.words import CHANGES, FIELDS, word

CHANGES_PER_PAGE = 50
FIRST_YEAR, LAST_YEAR = 2000, 2100
CHANGES_PER_FILE_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """The filter that the address asks for. `first` and `last` are days in the shop's calendar, as text of the address."""

    who: str
    what: str
    first: str
    last: str
    wanted: ChangeFilter

    @property
    def address(self) -> dict[str, Any]:
        """The query that asks for the same filter."""
        named = {"who": self.who, "what": self.what, "from": self.first, "until": self.last}
        return {name: value for name, value in named.items() if value}


@office("/audit", Permission.READ)
def audit() -> ResponseReturnValue:
    chosen, after, scope = read_choice(), request.args.get("after", ""), person().scope
    page = Page(limit=CHANGES_PER_PAGE, after=after if is_id("aud", after) else None)
    return render_template(
        "manager/audit.html",
        changes=read(lambda db: change_list.list_changes(db, chosen.wanted, page)),
        authors=read(lambda db: change_list.list_authors(db, scope)),
        chosen=chosen,
        paged=page.after,
        value_as_text=value_as_text,
        field_in_words=field_in_words,
        author=author,
        file_max=CHANGES_PER_FILE_MAX,
    )


@office("/audit.csv", Permission.READ)
def audit_file() -> ResponseReturnValue:
    """The newest changes of the filter as CSV, at most CHANGES_PER_FILE_MAX."""
    chosen = read_choice()
    page = Page(limit=CHANGES_PER_FILE_MAX)
    found = read(lambda db: change_list.list_changes(db, chosen.wanted, page)).items
    header = [_("When"), _("Who"), _("What"), _("Which"), _("Id"), _("Before"), _("After")]
    return csv_file("changes.csv", header, [cells for change in found for cells in as_cells(change)])


def as_cells(change: ChangeLine) -> list[list[Cell]]:
    """The rows of one change: one for each changed value, or one if no value is recorded."""
    head = [
        rfc3339(change.at),
        author(change.author_name, change.key_prefix),
        word(CHANGES, change.what),
        change.name,
        change.subject_id,
    ]
    pairs = [
        [f"{field_in_words(name)}: {value_as_text(before)}", f"{field_in_words(name)}: {value_as_text(after)}"]
        for name, (before, after) in change.changed.items()
    ]
    pairs += [["", field_in_words(name)] for name in change.parts]
    pairs += [["", f"{field_in_words(name)}: {value_as_text(value)}"] for name, value in change.told.items()]
    return [[*head, *pair] for pair in pairs or [["", ""]]]


def author(name: str, key_prefix: str | None) -> str:
    """A manager's name, or a program's by its key."""
    return _("%(name)s, a program (%(prefix)s)", name=name, prefix=key_prefix) if key_prefix else name


def field_in_words(name: str) -> str:
    """A changed field in words. A field of an offer has its language behind it."""
    whole, _dot, rest = name.partition(".")
    if whole != "offer":
        return word(FIELDS, name)
    language, _dot, part = rest.partition(".")
    return f"{word(FIELDS, f'offer.{part}')} ({language})"


def value_as_text(value: object) -> str:
    """A value as text. An empty one is a dash."""
    return str(value) if value not in (None, "") else "–"


def read_choice() -> Chosen:
    """The filter of this request. Raises NotFound for an author's id or a kind of change that can't exist."""
    who, what = request.args.get("who", ""), request.args.get("what", "")
    if (what and what not in set(Change)) or (who and not (is_id("mgr", who) or api_key_format.is_prefix(who))):
        raise NotFound
    first, last = read_day("from"), read_day("until")
    wanted = ChangeFilter(
        person().scope,
        author_id=who or None,
        what=Change(what) if what else None,
        since=beginning_of(first) if first else None,
        until=beginning_of(last + timedelta(days=1)) if last else None,
    )
    return Chosen(who, what, first.isoformat() if first else "", last.isoformat() if last else "", wanted)


def read_day(name: str) -> date | None:
    """The day in this argument, None if it is no date or not within FIRST_YEAR to LAST_YEAR."""
    try:
        day = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year < LAST_YEAR else None


def beginning_of(day: date) -> Ms:
    """The first moment of a day in the shop's calendar."""
    zone = ZoneInfo(context().settings.time_zone)
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
