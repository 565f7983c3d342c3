"""The command line: `flask --app wsgi …`. Each command says what it did, or what to do instead; so does its exit code."""

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_migrate.cli import db as migrations  # type: ignore[import-not-found]  # its stubs leave it out
from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from redeem import backup, doctor, ids, issuing, keeping, qr, serving
from redeem.codes import grouped
from redeem.config import BadConfiguration
from redeem.doctor import Finding, Level
from redeem.errors import RedeemError
from redeem.issuing import CouponView, NewCoupon
from redeem.keys import KeyStatus, PublicKey
from redeem.models import Coupon, Redemption
from redeem.web.context import context, now_ms, read, write
from redeem.web.urls import coupon_link

P = ParamSpec("P")
T = TypeVar("T")


def attach(app: Flask) -> None:
    """Gives the application its commands. `demo` is wsgi.py's: it makes an application of its own."""
    for command in (keys, issue, serve, examine, back_up):
        app.cli.add_command(command)


class Unusable:
    """Stands where the application's tools would be, had they been configured; whoever reaches for one hears why."""

    def __init__(self, faults: str) -> None:
        self.faults = faults

    def __getattr__(self, name: str) -> NoReturn:
        raise click.ClickException(f"These settings can't be used:\n{self.faults}\nSee docs/running.md.")


def unconfigured(error: BadConfiguration) -> Flask:
    """The flask command's application where the settings can't be used: `doctor` explains, `demo` mends, the rest refuse.

    A server gets no such thing: it stops here.
    """
    if os.environ.get("FLASK_RUN_FROM_CLI") != "true":
        raise SystemExit(f"These settings can't be used:\n{error.detail}\nSee docs/running.md.") from error
    app = Flask("redeem")
    app.extensions |= {"redeem": Unusable(error.detail), "migrate": Unusable(error.detail)}
    attach(app)
    app.cli.add_command(migrations)
    return app


def plainly(run: Callable[P, T]) -> Callable[P, T]:
    """An error on purpose is told in its own words, without a trace."""

    @wraps(run)
    def told(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return run(*args, **kwargs)
        except RedeemError as error:
            raise click.ClickException(error.detail) from error

    return told


@click.group()
def keys() -> None:
    """The keys that sign coupons: list, rotate, compromise."""


@keys.command("list")
@with_appcontext
@plainly
def list_keys() -> None:
    """Show every key and what it may do."""
    for key, count in read(keys_and_counts):
        click.echo(f"{key.kid:>3}  {key.status.value:<12} {count} coupons")


@keys.command("rotate")
@with_appcontext
@plainly
def rotate_key() -> None:
    """Sign new coupons with a new key. Coupons signed before stay good."""
    sealer, now = context().sealer, now_ms()
    kid = write(lambda session: keeping.rotate(session, sealer, now))
    click.echo(f"Key {kid} signs from now on. Keys before it still verify. Tablets learn of it when they next sync.")


@keys.command("compromise")
@click.argument("kid", type=int)
@click.option("--yes", is_flag=True, help="Don't ask.")
@with_appcontext
@plainly
def compromise_key(kid: int, yes: bool) -> None:
    """Refuse every coupon that this key signed: its private half is in wrong hands."""
    count = read(lambda session: signed_by(session, kid, only_open=True))
    yes or click.confirm(f"{count} coupons that are still open will be refused, for ever. Go on?", abort=True)
    sealer, now = context().sealer, now_ms()

    def work(session: Session) -> None:
        active = [key.kid for key in keeping.load_ring(session) if key.status is KeyStatus.ACTIVE]
        keeping.set_status(session, kid, KeyStatus.COMPROMISED)
        if active == [kid]:
            keeping.rotate(session, sealer, now)

    write(work)
    click.echo(
        f"Key {kid} is compromised: {count} open coupons are refused from now on. Issue others to those who hold them."
    )


@click.command()
@click.argument("campaign")
@click.option("--order-ref", help="The shop's own reference.")
@click.option("--home-store", help="The store at which it is expected: sto_…")
@click.option(
    "--qr", "picture", type=click.Path(dir_okay=False, path_type=Path), help="Write the QR there: .svg or .png"
)
@with_appcontext
@plainly
def issue(campaign: str, order_ref: str | None, home_store: str | None, picture: Path | None) -> None:
    """Issue one coupon of CAMPAIGN (cmp_1) and show it."""
    number = ids.campaign_of(campaign)
    if number is None:
        raise click.BadParameter("write it like cmp_1", param_hint="CAMPAIGN")
    tools, now = context(), now_ms()
    signer = tools.signer()
    new = NewCoupon(number, order_ref, home_store)
    coupon = write(lambda session: issuing.issue(session, new, signer.newest, now, tools.settings.time_zone))
    link = coupon_link(tools, signer.write_serial(coupon.key_id, coupon.serial, coupon.last_day))
    show(coupon, link)
    if picture:
        draw(picture, link, coupon)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; 0.0.0.0 for every network.")
@click.option("--port", default=8000, envvar="PORT", show_default=True)
@click.option("--workers", type=int, help="Processes: 1 on SQLite, 2 on PostgreSQL.")
@click.option("--threads", type=int, help="Threads in each process.")
@with_appcontext
@plainly
def serve(host: str, port: int, workers: int | None, threads: int | None) -> None:
    """Serve the application, with what fits the database. TLS is for the proxy in front."""
    tools = context()
    chosen = serving.plan(tools.settings, host, port, workers, threads)
    serving.refuse_taken_port(host, port)
    tables = doctor.about_migrations(tools)
    if tables.level is Level.FAULT:
        raise click.ClickException(f"The tables are {tables.words}")
    serving.serve(chosen, tools.settings.base_url, lambda: click.echo(f"ready {chosen.url}"))


@click.command("doctor")
@with_appcontext
def examine() -> None:
    """Say what is wrong with this deployment, and what to do. Exit code 1 if there is a fault."""
    tools = context()
    if isinstance(tools, Unusable):
        report(doctor.about_configuration(tools.faults))
    else:
        report(doctor.examine(tools, Path(current_app.instance_path), now_ms()))


@click.command("backup")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@with_appcontext
@plainly
def back_up(file: Path | None) -> None:
    """Copy the SQLite database to FILE while it is in use. PostgreSQL has its own tools, and this names them."""
    tools = context()
    url = tools.database.engine.url
    if not tools.database.is_sqlite or not url.database:
        raise click.ClickException(
            "Nothing was copied: PostgreSQL is backed up by its own tools. For one moment of it: "
            f"pg_dump --format=custom --file=redeem.dump {make_url(url).set(drivername='postgresql')}"
        )
    moment = datetime.fromtimestamp(now_ms() / 1000, UTC)
    copy = file or Path(current_app.instance_path) / f"backup-{moment:%Y%m%dT%H%M%SZ}.sqlite"
    try:
        size = backup.copy_sqlite(Path(url.database), copy)
    except OSError as error:
        raise click.ClickException(f"Nothing was copied: {error.strerror}: {copy}") from error
    click.echo(f"{copy}: {size:,} bytes, checked.")
    click.echo("The secret keys are not in it: keep REDEEM_SECRET_KEYS somewhere else, or no key in the copy opens.")


def report(findings: Iterable[Finding]) -> None:
    """A line each; leaves with 1 if one is a fault."""
    faults = 0
    for finding in findings:
        click.echo(f"{finding.level.value:<8} {finding.subject:<14} {finding.words}")
        faults += finding.level is Level.FAULT
    if faults:
        click.echo(f"{faults} to mend.", err=True)
        raise SystemExit(1)


def keys_and_counts(session: Session) -> list[tuple[PublicKey, int]]:
    return [(key, signed_by(session, key.kid)) for key in keeping.load_ring(session)]


def signed_by(session: Session, kid: int, *, only_open: bool = False) -> int:
    """How many coupons the key has signed, or those of them that are neither redeemed nor void."""
    statement = select(func.count()).select_from(Coupon).where(Coupon.key_id == kid)
    if only_open:
        redeemed = select(Redemption.serial).where(Redemption.serial == Coupon.serial)
        statement = statement.where(Coupon.voided_at.is_(None), ~redeemed.exists())
    return session.scalar(statement) or 0


def show(coupon: CouponView, link: str) -> None:
    click.echo(f"id          {coupon.id}")
    click.echo(f"short code  {grouped(coupon.short_code)}")
    click.echo(f"link        {link}")


def draw(picture: Path, link: str, coupon: CouponView) -> None:
    title = f"Coupon {grouped(coupon.short_code)}"
    data = qr.png(link) if picture.suffix.lower() == ".png" else qr.svg(link, title).encode()
    picture.write_bytes(data)
    click.echo(f"picture     {picture}")
