"""The command line: `flask --app wsgi …`. A command prints what it did, or what to do instead and exits with 1."""

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_migrate.cli import db as migrations  # type: ignore[import-not-found]  # its stubs leave it out
from sqlalchemy.engine import make_url

from redeem.config import BadConfiguration
from redeem.ops import backup, doctor, server
from redeem.ops.commands.add_up import add_up
from redeem.ops.commands.batch import batch
from redeem.ops.commands.issue import issue
from redeem.ops.commands.keys import keys
from redeem.ops.commands.listen import listen
from redeem.ops.commands.managers import managers
from redeem.ops.commands.plain_errors import plain_errors
from redeem.ops.commands.restore import restore
from redeem.ops.commands.worker import worker
from redeem.ops.doctor import Finding, Level
from redeem.web.api.openapi import openapi_document
from redeem.web.context import context, now_ms


def attach(app: Flask) -> None:
    """Registers the commands. wsgi.py adds `demo`, which makes an application of its own."""
    for command in (
        keys,
        managers,
        issue,
        batch,
        serve,
        worker,
        examine,
        back_up,
        restore,
        add_up,
        listen,
        print_openapi,
    ):
        app.cli.add_command(command)


class Unusable:
    """Stands in place of the application's tools if the settings can't be used. Using it raises an error that names the faults."""

    def __init__(self, faults: str) -> None:
        self.faults = faults

    def __getattr__(self, name: str) -> NoReturn:
        raise click.ClickException(f"These settings can't be used:\n{self.faults}\nSee docs/running.md.")


def unconfigured(error: BadConfiguration) -> Flask:
    """An application for the flask command if the settings can't be used: `doctor` lists the faults, `demo` works, the rest refuse.

    A server gets no application: it stops here.
    """
    if os.environ.get("FLASK_RUN_FROM_CLI") != "true":
        raise SystemExit(f"These settings can't be used:\n{error.detail}\nSee docs/running.md.") from error
    app = Flask("redeem")
    app.extensions |= {"redeem": Unusable(error.detail), "migrate": Unusable(error.detail)}
    attach(app)
    app.cli.add_command(migrations)
    return app


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; 0.0.0.0 for every network.")
@click.option("--port", default=8000, envvar="PORT", show_default=True)
@click.option("--workers", type=int, help="Processes: 1 on SQLite, 2 on PostgreSQL.")
@click.option("--threads", type=int, help="Threads in each process.")
@with_appcontext
@plain_errors
def serve(host: str, port: int, workers: int | None, threads: int | None) -> None:
    """Serve the application with settings that fit the database. For TLS, use a proxy in front, or REDEEM_TLS_CERTIFICATE."""
    tools = context()
    chosen = server.plan(tools.settings, host, port, workers, threads)
    server.refuse_taken_port(host, port)
    tables = doctor.check_migrations(tools)
    if tables.level is Level.FAULT:
        raise click.ClickException(f"The tables are {tables.words}")
    server.serve(chosen, tools.settings.base_url, lambda: click.echo(f"ready {chosen.url(tools.settings.base_url)}"))


@click.command("doctor")
@with_appcontext
def examine() -> None:
    """Check this deployment, and print what to do. Exits with 1 if there is a fault."""
    tools = context()
    if isinstance(tools, Unusable):
        report(doctor.check_configuration(tools.faults))
    else:
        report(doctor.examine(tools, Path(current_app.instance_path), now_ms()))


@click.command("backup")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@with_appcontext
@plain_errors
def back_up(file: Path | None) -> None:
    """Copy the SQLite database to FILE while it is in use. For PostgreSQL, print the command that does so."""
    tools = context()
    url = tools.database.engine.url
    if not tools.database.is_sqlite or not url.database:
        raise click.ClickException(
            "Nothing was copied: PostgreSQL is backed up by its own tools. For a copy of this moment: "
            f"pg_dump --format=custom --file=redeem.dump {make_url(url).set(drivername='postgresql')}"
        )
    moment = datetime.fromtimestamp(now_ms() / 1000, UTC)
    copy = file or Path(current_app.instance_path) / f"backup-{moment:%Y%m%dT%H%M%SZ}.sqlite"
    try:
        size = backup.copy_sqlite(Path(url.database), copy)
    except OSError as error:
        raise click.ClickException(f"Nothing was copied: {error.strerror}: {copy}") from error
    click.echo(f"{copy}: {size:,} bytes, checked.")
    click.echo(
        "REDEEM_SECRET_KEYS is not in it. Keep it elsewhere: without it the signing keys in the copy can't be used."
    )


@click.command("openapi")
@with_appcontext
def print_openapi() -> None:
    """Print the API's OpenAPI document."""
    context().settings  # noqa: B018  # raises if the settings can't be used
    click.echo(json.dumps(openapi_document(current_app), ensure_ascii=False, indent=2))


def report(findings: Iterable[Finding]) -> None:
    """Prints a line for each finding. Exits with 1 if one is a fault."""
    faults = 0
    for finding in findings:
        click.echo(f"{finding.level.value:<8} {finding.subject:<14} {finding.words}")
        faults += finding.level is Level.FAULT
    if faults:
        click.echo(f"{faults} to correct.", err=True)
        raise SystemExit(1)
