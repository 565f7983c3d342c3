"""`flask --app wsgi worker`: does the jobs in a process of its own."""

import signal
from threading import Event
from types import FrameType

import click
from flask import current_app
from flask.cli import with_appcontext

from redeem.ops import worker as workers
from redeem.ops.commands.plain_errors import plain_errors


@click.command()
@with_appcontext
@plain_errors
def worker() -> None:
    """Do the jobs until a signal to stop, in a process of its own. Any number may run. Servers need not: REDEEM_WORKER=false."""
    told = Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        told.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    working = workers.start(current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's way
    click.echo("ready")
    told.wait()
    working.stop()
