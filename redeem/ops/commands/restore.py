"""`flask --app wsgi restore`: the step after a backup was put back, and before anybody is served."""

from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from redeem.ledger import generation, recovery_reports
from redeem.ledger.generation import Life
from redeem.lib.errors import Conflict
from redeem.lib.times import Ms, rfc3339
from redeem.ops.commands.plain_errors import plain_errors
from redeem.recovery import missing
from redeem.recovery import restore as recovery_restore
from redeem.recovery.missing import Missing
from redeem.recovery.restore import SKIPPED_NUMBERS
from redeem.web.context import context, now_ms, read, write

QUESTION = (
    "This is for a database that was just put back from a backup, with the server stopped. Until every tablet and till has\n"
    "reported, nobody but the holder of a coupon gives it. Managers are signed out, and enrolment links end. Go on?"
)
FORGOTTEN = "Is it certain that no tablet and no till was enrolled since that backup was made?"
LISTED_MAX = 50
GENERATION_FILE = "generation"


class Recovering(Conflict):
    """A restore is under way already, and nobody said that this is another backup."""

    code = "already_recovering"
    default_detail = "The ledger recovers already. If you have put back a backup once more, say --again."


@click.command("restore")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--again", is_flag=True, help="Another backup was put back while the ledger recovered.")
@click.option(
    "--none-enrolled",
    is_flag=True,
    help="No tablet and no till was enrolled since the backup. Else the ledger waits until a manager says that none is missing.",
)
@click.option(
    "--skip-numbers",
    type=click.IntRange(min=1),
    default=SKIPPED_NUMBERS,
    show_default=True,
    help="More than any one campaign has issued since the backup: these numbers are out, and are not used again.",
)
@click.option(
    "--after-generation",
    type=click.IntRange(min=1),
    default=1,
    help="On another machine than the last restore's: the generation that it said. Else this one remembers it.",
)
@with_appcontext
@plain_errors
def restore(yes: bool, again: bool, none_enrolled: bool, skip_numbers: int, after_generation: int) -> None:
    """Begin recovery after a backup was put back: tablets tell the ledger what it lacks, and managers who won't come back."""
    now, remembered = now_ms(), Path(current_app.instance_path) / GENERATION_FILE
    yes or click.confirm(QUESTION, abort=True)
    known = read(lambda session: find_generation(session, again))
    none_enrolled = none_enrolled or (not yes and click.confirm(FORGOTTEN))
    newest = max(known, after_generation, recall(remembered))
    remember(remembered, newest + 1)  # first: one that was never begun does no harm, and one that is begun twice does
    life, missing = write(lambda session: begin(session, now, skip_numbers, newest, none_enrolled))
    click.echo(
        f"This is generation {life.generation} of the ledger."
        f" Every campaign goes on {skip_numbers * (life.generation - known):,} numbers further."
    )
    if life.is_recovering:
        tell_awaited(life, missing)
        click.echo(f"Start the server now. Who is still missing: {context().settings.base_url}/manager/recovery")
    else:
        click.echo("No tablet and no till is awaited: nothing is to be recovered. Start the server now.")


def find_generation(session: Session, again: bool) -> int:
    """The backup's. Raises Recovering."""
    life = generation.current(session)
    if life.is_recovering and not again:
        raise Recovering
    return life.generation


def recall(remembered: Path) -> int:
    """The newest generation that was begun here: the same backup may be put back more than once, and knows of none."""
    return int(remembered.read_text()) if remembered.exists() else 0


def remember(remembered: Path, generation: int) -> None:
    remembered.parent.mkdir(parents=True, exist_ok=True)
    remembered.write_text(f"{generation}\n")


def begin(session: Session, now: Ms, skip_numbers: int, newest: int, none_enrolled: bool) -> tuple[Life, list[Missing]]:
    """The new life, and who is awaited. Where nobody is awaited, recovery is over at once."""
    recovery_restore.begin(session, now, skip_numbers, newest, none_enrolled=none_enrolled)
    return recovery_reports.end_if_complete(session), missing.list_missing(session, now)


def tell_awaited(life: Life, missing: list[Missing]) -> None:
    tablets = sum(each.kind == "tablet" for each in missing)
    click.echo(f"Awaited: {tablets} tablets and {len(missing) - tablets} tills.")
    for each in missing[:LISTED_MAX]:
        seen = f"last seen {rfc3339(each.last_seen_at)}" if each.last_seen_at else "never seen"
        click.echo(f"  {each.kind:<6}  {each.store_name} · {each.device_name}  ({seen})")
    if len(missing) > LISTED_MAX:
        click.echo(f"  and {len(missing) - LISTED_MAX} more")
    if life.awaits_forgotten:
        click.echo(
            "And what was enrolled since the backup, which it does not know: until a manager says that none is missing."
        )
    click.echo(
        "Until all of them have reported, or a manager has written off who won't come back:\n"
        "  - a tablet that holds a coupon gives it, as always; nobody else gives any\n"
        "  - no hold is granted, and tills are told that the ledger is being restored\n"
        "  - coupons that were issued since the backup are known again when they are first shown"
    )
