"""`flask --app wsgi batch`: issues many coupons, and writes them to a CSV file."""

import time
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from redeem.accounts.audit import OPERATOR
from redeem.coupons import batches
from redeem.coupons.batches import COUNT_MAX, BatchView
from redeem.jobs.queue import State
from redeem.lib import ids
from redeem.ops.commands.plain_errors import plain_errors
from redeem.ops.worker import Jobs
from redeem.web import batch_files
from redeem.web.context import context, now_ms, read, write
from redeem.web.logs import LOG

LOOK_SECONDS = 0.2


@click.command()
@click.argument("campaign")
@click.argument("count", type=click.IntRange(1, COUNT_MAX))
@click.option(
    "--csv", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the coupons with their links there."
)
@with_appcontext
@plain_errors
def batch(campaign: str, count: int, file: Path | None) -> None:
    """Issue COUNT coupons of CAMPAIGN (cmp_1). If this is interrupted, a server's worker makes the rest."""
    number = ids.campaign_of(campaign)
    if number is None:
        raise click.BadParameter("write it like cmp_1", param_hint="CAMPAIGN")
    zone = context().settings.time_zone
    asked = write(lambda session: batches.plan(session, OPERATOR, number, count, zone, now_ms()))
    click.echo(f"batch       {asked.id}")
    ended = make(asked)
    click.echo(f"made        {ended.made:,} of {ended.items:,}")
    if file:
        with file.open("wb") as opened:
            opened.writelines(batch_files.csv_of(context(), ended))
        click.echo(f"file        {file}")
    if ended.error_code:
        raise click.ClickException(f"The batch ended early: {ended.error_code}. See docs/errors.md.")


def make(asked: BatchView) -> BatchView:
    """Works at the jobs, as any worker does, until the batch has ended; shows how far it is."""
    jobs, view = Jobs(context(), current_app.extensions[LOG]), asked
    with click.progressbar(length=asked.items) as bar:
        while view.state == State.OPEN:
            if not jobs.step():
                time.sleep(LOOK_SECONDS)  # another worker has it
            before, view = view.made, read(lambda session: batches.get_batch(session, asked.id))
            bar.update(view.made - before)
    return view
