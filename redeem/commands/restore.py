"""`flask --app wsgi restore`: the step after a backup was put back, and before anybody is served."""

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from redeem import generations, recovering, restoring
from redeem.commands.plainly import plainly
from redeem.errors import Conflict
from redeem.generations import Life
from redeem.restoring import SKIPPED_NUMBERS, Missing
from redeem.times import Ms, rfc3339
from redeem.web.context import context, now_ms, write

QUESTION = (
    "This is for a database that was just put back from a backup, with the server stopped. Until every tablet and till has\n"
    "reported, nobody but the holder of a coupon gives it. Managers are signed out, and enrolment links end. Go on?"
)
LISTED_MAX = 50


class Recovering(Conflict):
    """A restore is under way already, and nobody said that this is another backup."""

    code = "already_recovering"
    default_detail = "The ledger recovers already. If you have put back a backup once more, say --again."


@click.command("restore")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--again", is_flag=True, help="Another backup was put back while the ledger recovered.")
@click.option(
    "--skip-numbers",
    type=click.IntRange(min=1),
    default=SKIPPED_NUMBERS,
    show_default=True,
    help="More than any one campaign has issued since the backup: these numbers are out, and are not used again.",
)
@with_appcontext
@plainly
def restore(yes: bool, again: bool, skip_numbers: int) -> None:
    """Begin recovery after a backup was put back: tablets tell the ledger what it lacks, and managers who won't come back."""
    now = now_ms()
    yes or click.confirm(QUESTION, abort=True)
    life, missing = write(lambda session: begin(session, now, again, skip_numbers))
    click.echo(
        f"This is generation {life.generation} of the ledger. Every campaign goes on {skip_numbers:,} numbers further."
    )
    if life.is_recovering:
        tell_awaited(missing)
        click.echo(f"Start the server now. Who is still missing: {context().settings.base_url}/manager/recovery")
    else:
        click.echo("No tablet and no till is awaited: nothing is to be recovered. Start the server now.")


def begin(session: Session, now: Ms, again: bool, skip_numbers: int) -> tuple[Life, list[Missing]]:
    """The new life, and who is awaited. Raises Recovering. Where nobody is awaited, recovery is over at once."""
    if generations.current(session, lock=True).is_recovering and not again:
        raise Recovering
    restoring.begin(session, now, skip_numbers)
    return recovering.end_if_complete(session), restoring.missing(session, now)


def tell_awaited(missing: list[Missing]) -> None:
    tablets = sum(each.kind == "tablet" for each in missing)
    click.echo(f"Awaited: {tablets} tablets and {len(missing) - tablets} tills.")
    for each in missing[:LISTED_MAX]:
        seen = f"last seen {rfc3339(each.last_seen_at)}" if each.last_seen_at else "never seen"
        click.echo(f"  {each.kind:<6}  {each.store_name} · {each.device_name}  ({seen})")
    if len(missing) > LISTED_MAX:
        click.echo(f"  and {len(missing) - LISTED_MAX} more")
    click.echo(
        "Until all of them have reported, or a manager has written off who won't come back:\n"
        "  - a tablet that holds a coupon gives it, as always; nobody else gives any\n"
        "  - no hold is granted, and tills are told that the ledger is being restored\n"
        "  - coupons that were issued since the backup are known again when they are first shown"
    )
