"""The overview: gifts by day, campaign and store, and declines and refusals by reason; as charts, tables and CSV."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from redeem.accounts.roles import Permission
from redeem.lib import charts
from redeem.lib.charts import Bar, Columns, Stack
from redeem.lib.errors import NotFound
from redeem.reports import overview as report_overview
from redeem.reports.overview import Report, Row
from redeem.web.context import now_ms, read
from redeem.web.languages import short_day
from redeem.web.manager.access import office, person
from redeem.web.manager.files import csv_file
from redeem.web.manager.filters import Filter, read_filter
from redeem.web.manager.tables import TABLES, Table
from redeem.web.manager.words import DECLINES, REFUSALS, Words, word


@dataclass(frozen=True, slots=True)
class Drawn:
    """The charts of a report."""

    days: Columns
    campaigns: list[Bar]
    stores: list[Bar]
    declines: list[Bar]
    refusals: list[Bar]


@office("/", Permission.READ)
def overview() -> ResponseReturnValue:
    chosen, report = read_report()
    tables: dict[str, Table] = {name: table(report) for name, table in TABLES.items()}
    return render_template(
        "manager/overview.html",
        filter=chosen,
        report=report,
        drawn=draw(report),
        tables=tables,
        partners={row.key: row.of for row in report.stores},
        links={name: partial(narrowed, chosen, name) for name in ("campaign", "store")},
    )


def narrowed(chosen: Filter, name: str, value: str) -> str:
    """The address of this page with one filter set: `name` is `campaign` or `store`, `value` an id."""
    values: dict[str, Any] = {**chosen.address, name: value}
    return url_for("manager.overview", **values)


@office("/figures.csv", Permission.READ)
def figures() -> ResponseReturnValue:
    name = request.args.get("table", "days")
    if name not in TABLES:
        raise NotFound
    chosen, report = read_report()
    table = TABLES[name](report)
    rows = [*table.rows, table.total] if table.total else table.rows
    return csv_file(f"{name}-{chosen.first}-{chosen.last}.csv", table.header, rows)


def read_report() -> tuple[Filter, Report]:
    chosen = read_filter(person(), now_ms())
    return chosen, read(lambda db: report_overview.report(db, chosen.question))


def draw(report: Report) -> Drawn:
    return Drawn(
        days=charts.columns(
            [Stack(short_day(day), (gifts.given, gifts.pending, gifts.reversed)) for day, gifts in report.days.items()]
        ),
        campaigns=rank(report.campaigns, report.total.given),
        stores=rank(report.stores, report.total.given),
        declines=rank_reasons(report.declines, DECLINES, report.declined),
        refusals=rank_reasons(report.refusals, REFUSALS, report.refused),
    )


def rank(rows: list[Row], total: int) -> list[Bar]:
    return charts.ranked([(row.key, row.name, row.gifts.given) for row in rows], total)


def rank_reasons(counts: Mapping[str, int], words: Words, total: int) -> list[Bar]:
    return charts.ranked([(code, word(words, code), count) for code, count in counts.items()], total)
