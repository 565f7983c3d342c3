"""`flask --app wsgi restore`: begins recovery after a backup was put back, before the server is started."""

from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from redeem.ledger import generation, recovery_reports
from redeem.ledger.generation import Life
from redeem.ledger.high_water import FILE, Marks, read_marks
from redeem.lib.errors import Conflict
from redeem.lib.times import Ms, rfc3339
from redeem.ops.commands.plain_errors import plain_errors
from redeem.recovery import missing_devices
from redeem.recovery import restore as recovery_restore
from redeem.recovery.missing_devices import Missing
from redeem.recovery.restore import SKIPPED_NUMBERS
from redeem.web.context import context, now_ms, read, write

QUESTION = (
    "Run this for a database that was just put back from a backup, with the server stopped. Until every tablet and till has\n"
    "reported, only the device that holds a coupon gives it. Managers are signed out, and enrolment links end. Go on?"
)
FORGOTTEN = "Is it certain that no tablet and no till was enrolled since that backup was made?"
LISTED_MAX = 50
GENERATION_FILE = "generation"


class Recovering(Conflict):
    """Recovery is under way already, and `--again` was not given."""

    code = "already_recovering"
    default_detail = "Recovery is under way already. If you have put back a backup once more, add --again."


@click.command("restore")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--again", is_flag=True, help="A backup was put back once more during recovery.")
@click.option(
    "--none-enrolled",
    is_flag=True,
    help="No tablet and no till was enrolled since the backup. Else the server waits until a manager says that none is missing.",
)
@click.option(
    "--skip-numbers",
    type=click.IntRange(min=1),
    default=SKIPPED_NUMBERS,
    show_default=True,
    help="How many coupon numbers each campaign skips: more than any campaign has issued since the backup.",
)
@click.option(
    "--after-generation",
    type=click.IntRange(min=1),
    default=1,
    help="On another machine than the last restore: the generation that it printed. On the same machine it is known.",
)
@click.option(
    "--numbers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="The file `numbers` of another server's instance folder, once for each server. This server's own is read by itself.",
)
@with_appcontext
@plain_errors
def restore(
    yes: bool, again: bool, none_enrolled: bool, skip_numbers: int, after_generation: int, numbers: tuple[Path, ...]
) -> None:
    """Begin recovery after a backup was put back: tablets and tills report what the backup lacks."""
    now, remembered = now_ms(), Path(current_app.instance_path) / GENERATION_FILE
    yes or click.confirm(QUESTION, abort=True)
    own = Path(current_app.instance_path) / FILE
    marks = read_marks([*numbers, own] if own.exists() else numbers)
    known = read(lambda session: find_generation(session, again))
    none_enrolled = none_enrolled or (not yes and click.confirm(FORGOTTEN))
    newest = max(known, after_generation, recall(remembered))
    remember(
        remembered, newest + 1
    )  # before it begins: a generation that is skipped does no harm, one that is used twice does
    life, missing = write(lambda session: begin(session, now, skip_numbers, newest, none_enrolled, marks))
    click.echo(
        f"This is generation {life.generation} of the ledger."
        f" Every campaign skips {skip_numbers * (life.generation - known):,} coupon numbers."
    )
    click.echo(
        "No number that the high-water mark has is handed out again."
        if marks != Marks()
        else f"There is no high-water mark ({own}): see to it that no campaign has issued more since the backup."
    )
    if life.is_recovering:
        print_awaited(life, missing)
        click.echo(
            f"Start the server now. It lists the missing devices at {context().settings.base_url}/manager/recovery"
        )
    else:
        click.echo("There is no tablet and no till to wait for. Start the server now.")


def find_generation(session: Session, again: bool) -> int:
    """The generation in the backup. Raises Recovering."""
    life = generation.current(session)
    if life.is_recovering and not again:
        raise Recovering
    return life.generation


def recall(remembered: Path) -> int:
    """The newest generation that this machine has begun, 0 if none. A backup that is put back twice does not know the first recovery."""
    return int(remembered.read_text()) if remembered.exists() else 0


def remember(remembered: Path, generation: int) -> None:
    remembered.parent.mkdir(parents=True, exist_ok=True)
    remembered.write_text(f"{generation}\n")


def begin(
    session: Session, now: Ms, skip_numbers: int, newest: int, none_enrolled: bool, marks: Marks
) -> tuple[Life, list[Missing]]:
    """(the new generation, the devices to wait for). If there are none, recovery is over at once."""
    recovery_restore.begin(session, now, skip_numbers, newest, none_enrolled=none_enrolled, marks=marks)
    return recovery_reports.end_if_complete(session), missing_devices.list_missing(session, now)


def print_awaited(life: Life, missing: list[Missing]) -> None:
    tablets = sum(each.kind == "tablet" for each in missing)
    click.echo(f"Awaited: {tablets} tablets and {len(missing) - tablets} tills.")
    for each in missing[:LISTED_MAX]:
        seen = f"last seen {rfc3339(each.last_seen_at)}" if each.last_seen_at else "never seen"
        click.echo(f"  {each.kind:<6}  {each.store_name} · {each.device_name}  ({seen})")
    if len(missing) > LISTED_MAX:
        click.echo(f"  and {len(missing) - LISTED_MAX} more")
    if life.awaits_forgotten:
        click.echo(
            "Also awaited: devices that were enrolled since the backup, until a manager says that none is missing."
        )
    click.echo(
        "Until all of them have reported, or a manager has written off the others:\n"
        "  - a tablet gives the coupons that it holds; nothing else is given\n"
        "  - no hold is granted, and tills are told that the server is being restored\n"
        "  - a coupon that was issued since the backup is known again once it is shown\n"
        "  - a campaign or signing key that was made since comes back with a tablet's report; a shop manager confirms each campaign\n"
        "Have the shop say its voids since the backup again: those coupons are good until then. Have it say again what it issued\n"
        "since, and then that this is complete: until then campaigns with one coupon for each order issue nothing."
    )
