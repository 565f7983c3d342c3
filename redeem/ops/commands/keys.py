"""`flask --app wsgi keys …`: lists, rotates and compromises the keys that sign coupons."""

import click
from flask.cli import with_appcontext
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Coupon
from redeem.domain.signing_keys import KeyStatus, PublicKey
from redeem.ledger import signing
from redeem.ledger.sql import IS_REDEEMED, IS_VOID_FOR_HOLDER
from redeem.ops.commands.plain_errors import plain_errors
from redeem.web.context import context, now_ms, read, write


@click.group()
def keys() -> None:
    """The keys that sign coupons: list, rotate, compromise."""


@keys.command("list")
@with_appcontext
@plain_errors
def list_keys() -> None:
    """Show every key, its status, and how many coupons it signed."""
    for key, count in read(keys_and_counts):
        click.echo(f"{key.kid:>3}  {key.status.value:<12} {count} coupons")


@keys.command("rotate")
@with_appcontext
@plain_errors
def rotate_key() -> None:
    """Sign new coupons with a new key. Coupons signed before stay good."""
    sealer, now = context().sealer, now_ms()
    kid = write(lambda session: signing.rotate(session, sealer, now))
    click.echo(f"Key {kid} signs from now on. Keys before it still verify. Tablets learn of it when they next sync.")


@keys.command("compromise")
@click.argument("kid", type=int)
@click.option("--yes", is_flag=True, help="Don't ask.")
@with_appcontext
@plain_errors
def compromise_key(kid: int, yes: bool) -> None:
    """Refuse every coupon that key KID signed, because somebody else has its private key."""
    count = read(lambda session: signed_by(session, kid, only_open=True))
    yes or click.confirm(f"{count} open coupons will be refused. This can't be undone. Go on?", abort=True)
    sealer, now = context().sealer, now_ms()

    def work(session: Session) -> None:
        active = [key.kid for key in signing.load_ring(session) if key.status is KeyStatus.ACTIVE]
        signing.set_status(session, kid, KeyStatus.COMPROMISED, now)
        if active == [kid]:
            signing.rotate(session, sealer, now)

    write(work)
    click.echo(
        f"Key {kid} is compromised: {count} open coupons are refused from now on. Issue new ones to their customers."
    )


def keys_and_counts(session: Session) -> list[tuple[PublicKey, int]]:
    return [(key, signed_by(session, key.kid)) for key in signing.load_ring(session)]


def signed_by(session: Session, kid: int, *, only_open: bool = False) -> int:
    """How many coupons the key has signed. With `only_open`, only those that are neither redeemed nor void."""
    statement = select(func.count()).select_from(Coupon).where(Coupon.key_id == kid)
    if only_open:
        statement = statement.where(~IS_VOID_FOR_HOLDER, ~IS_REDEEMED)
    return session.scalar(statement) or 0
