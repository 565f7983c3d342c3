"""`restore`: what it asks, what it says, what it refuses."""

from pathlib import Path

from click.testing import Result
from flask import Flask
from sqlalchemy import delete, update

from redeem.db.engine import Database
from redeem.db.models.coupons import Campaign
from redeem.db.models.devices import Device
from redeem.db.models.ledger import Deployment
from redeem.ledger.generation import current
from redeem.ledger.high_water import read_marks
from tests.cast import Cast
from tests.factories import all_of


def restore(app: Flask, *words: str, answer: str = "") -> Result:
    return app.test_cli_runner().invoke(args=("restore", *words), input=answer)


def generation(database: Database) -> tuple[int, bool]:
    life = database.read(current)
    return life.generation, life.is_recovering


def test_it_begins_recovery_and_says_who_is_awaited(app: Flask, database: Database, cast: Cast):
    result = restore(app, "--yes")
    assert result.exit_code == 0
    assert generation(database) == (2, True)
    assert "Awaited: 2 tablets and 4 tills." in result.output
    assert "tablet  North, on the square · North counter  (" in result.output
    assert "http://localhost/manager/recovery" in result.output
    assert "revoked till" not in result.output


def test_it_does_nothing_without_a_yes(app: Flask, database: Database):
    assert restore(app, answer="n\n").exit_code == 1
    assert generation(database) == (1, False)
    assert restore(app, answer="y\nn\n").exit_code == 0
    assert generation(database) == (2, True)


def test_it_begins_once_unless_it_is_told_that_it_is_again(app: Flask, database: Database):
    restore(app, "--yes")
    result = restore(app, "--yes")
    assert result.exit_code == 1
    assert "add --again" in result.output
    assert generation(database) == (2, True)
    assert restore(app, "--yes", "--again").exit_code == 0
    assert generation(database) == (3, True)


def test_it_skips_as_many_numbers_as_it_is_told(app: Flask, database: Database, cast: Cast):
    assert restore(app, "--yes", "--skip-numbers", "25").exit_code == 0
    campaign = database.read(lambda session: session.get_one(Campaign, cast.anywhere))
    assert (campaign.coupons, campaign.skipped) == (25, 25)
    assert restore(app, "--yes", "--again", "--skip-numbers", "0").exit_code == 2


def test_the_same_backup_put_back_twice_begins_no_generation_twice(app: Flask, database: Database, cast: Cast):
    restore(app, "--yes", "--skip-numbers", "25")
    database.write(lambda session: session.execute(delete(Deployment)))  # as it is in a backup of before
    database.write(lambda session: session.execute(update(Campaign).values(coupons=0, skipped=0)))
    assert "skips 50 coupon numbers" in restore(app, "--yes", "--skip-numbers", "25").output
    assert generation(database) == (3, True)
    campaign = database.read(lambda session: session.get_one(Campaign, cast.anywhere))
    assert campaign.coupons == 50


def test_on_another_machine_it_is_told_the_last_generation(app: Flask, database: Database):
    assert restore(app, "--yes", "--after-generation", "4").exit_code == 0
    assert generation(database) == (5, True)


def test_where_nobody_is_awaited_it_is_over_at_once(app: Flask, database: Database):
    database.write(lambda session: session.execute(update(Device).values(revoked_at=1, lost_at=1)))
    assert "no tablet and no till to wait for" in restore(app, "--yes", "--none-enrolled").output
    assert generation(database) == (2, False)


def test_unless_it_is_told_that_none_was_enrolled_since_it_waits_for_a_manager(app: Flask, database: Database):
    database.write(lambda session: session.execute(update(Device).values(revoked_at=1, lost_at=1)))
    assert "until a manager says that none is missing" in restore(app, "--yes").output
    assert generation(database) == (2, True)
    assert restore(app, "--yes", "--again", "--none-enrolled").exit_code == 0
    assert generation(database) == (3, True), "what the restore before has forgotten is still not here"


def test_it_asks_whether_one_was_enrolled_since(app: Flask, database: Database):
    database.write(lambda session: session.execute(update(Device).values(revoked_at=1, lost_at=1)))
    result = restore(app, answer="y\ny\n")
    assert "no tablet and no till was enrolled since" in result.output
    assert generation(database) == (2, False)


def test_it_reads_what_this_server_and_others_have_kept_of_the_numbers(
    app: Flask, database: Database, cast: Cast, tmp_path: Path
):
    (Path(app.instance_path) / "numbers").write_text(f"{cast.anywhere} 20000\n")
    other = tmp_path / "of the other server"
    other.write_text(f"{cast.anywhere} 50000\n{cast.north_only} 30000\n")
    result = restore(app, "--yes", "--numbers", str(other))
    assert "No number that the high-water mark has is handed out again." in result.output
    coupons = {each.number: each.coupons for each in database.read(lambda session: all_of(session, Campaign))}
    assert coupons == {cast.anywhere: 50_000, cast.north_only: 30_000}


def test_it_says_where_no_mark_is(app: Flask, database: Database):
    assert "There is no high-water mark" in restore(app, "--yes").output


def test_the_server_keeps_the_mark_in_its_instance_folder(app: Flask, cast: Cast):
    assert app.test_cli_runner().invoke(args=("issue", f"cmp_{cast.anywhere}")).exit_code == 0
    assert read_marks([Path(app.instance_path) / "numbers"]).coupons == {cast.anywhere: 10_000}
