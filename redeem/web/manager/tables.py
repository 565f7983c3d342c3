"""The figures of the overview as tables. The table beside a chart and its CSV are made from the same Table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from redeem.lib.csvfile import Cell
from redeem.lib.days import to_date
from redeem.reports.overview import Gifts, Report, Row
from redeem.web.manager.words import DECLINES, REFUSALS, Words, word


@dataclass(frozen=True, slots=True)
class Table:
    """A table. Columns of text come first, then figures. `total` is its last line, None where a sum has no meaning."""

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] | None = None


def gift_header() -> list[str]:
    return [_("Given"), _("Waiting for the clerk"), _("Reversed")]


def gift_cells(gifts: Gifts) -> list[Cell]:
    return [gifts.given, gifts.pending, gifts.reversed]


def by_day(report: Report) -> Table:
    rows = [[to_date(day), *gift_cells(gifts)] for day, gifts in report.days.items()]
    return Table([_("Day"), *gift_header()], rows, [_("Total"), *gift_cells(report.total)])


def by_campaign(report: Report) -> Table:
    rows = [[row.name, *gift_cells(row.gifts), row.declined] for row in report.campaigns]
    total = [_("Total"), *gift_cells(report.total), sum(row.declined for row in report.campaigns)]
    return Table([_("Campaign"), *gift_header(), _("Declined")], rows, total)


def by_store(report: Report) -> Table:
    def line(row: Row) -> list[Cell]:
        return [row.name, row.of, *gift_cells(row.gifts), row.declined]

    total = [_("Total"), "", *gift_cells(report.total), report.declined]
    header = [_("Store"), _("Partner"), *gift_header(), _("Declined")]
    return Table(header, [line(row) for row in report.stores], total)


def by_reason(counts: Mapping[str, int], words: Words) -> Table:
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return Table(
        [_("Reason"), _("Times")],
        [[word(words, reason), count] for reason, count in ranked],
        [_("Total"), sum(counts.values())],
    )


def declines(report: Report) -> Table:
    return by_reason(report.declines, DECLINES)


def refusals(report: Report) -> Table:
    return by_reason(report.refusals, REFUSALS)


TABLES: Mapping[str, Callable[[Report], Table]] = {
    "days": by_day,
    "campaigns": by_campaign,
    "stores": by_store,
    "declines": declines,
    "refusals": refusals,
}
