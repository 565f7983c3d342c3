"""`flask --app wsgi add-up`: adds up the closed days that are not yet added up."""

import click
from flask.cli import with_appcontext

from redeem.lib.days import to_date
from redeem.ops.commands.plain_errors import plain_errors
from redeem.ops.daily_sums import add_up_one
from redeem.reports import rollups
from redeem.web.context import context, now_ms


@click.command("add-up")
@with_appcontext
@plain_errors
def add_up() -> None:
    """Add up the closed days, so that the overview of a long period is fast. A server does so by itself."""
    database, days = context().database, 0
    while add_up_one(database, now_ms()):
        days += 1
    until = database.read(rollups.closed_until)
    click.echo(f"{days} days were added up. {said(until)}")


def said(until: int | None) -> str:
    return "No day is closed yet." if until is None else f"All days up to {to_date(until)} are."
