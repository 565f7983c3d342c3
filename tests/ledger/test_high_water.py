"""The high-water mark: no number that may be out is handed out again, although the backup does not know of it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine

from redeem.accounts.audit import OPERATOR
from redeem.coupons import campaigns, issue
from redeem.coupons.campaigns import create_campaign
from redeem.coupons.issue import NewCoupon
from redeem.db.engine import Database, engine_options
from redeem.db.models.coupons import Campaign, Coupon
from redeem.ledger import generation, signing
from redeem.ledger.high_water import COUPONS_PER_BLOCK, HighWater, Marks, NotKept, read_marks
from redeem.lib.sealing import Sealer
from redeem.recovery import restore
from tests import factories
from tests.databases import on_both_databases
from tests.factories import NOW, SECRET, all_of


@pytest.fixture
def file(tmp_path):
    return tmp_path / "instance" / "numbers"


@pytest.fixture
def kept(stage, file):
    """A database whose numbers are kept in the file."""
    url = stage.url.replace("postgresql://", "postgresql+psycopg://")
    made = Database(create_engine(url, **engine_options(url)), HighWater(file).keep)
    yield made
    made.close()
    made.engine.dispose()


def issue_to(kept, campaign, many):
    wanted = [NewCoupon(campaign)] * many
    return kept.write(lambda s: issue.issue_many(s, campaign, wanted, factories.mint(), NOW))


@on_both_databases
def test_it_is_written_before_what_it_is_about(kept, cast, file):
    issue_to(kept, cast.anywhere, 1)
    assert read_marks([file]).coupons == {cast.anywhere: COUPONS_PER_BLOCK}
    number = kept.write(lambda s: factories.campaign(s, partners=[cast.north_partner])).number
    kid = kept.write(lambda s: signing.rotate(s, Sealer([SECRET]), NOW))
    assert read_marks([file]) == Marks(number + 1, kid + 1, {cast.anywhere: COUPONS_PER_BLOCK})


@on_both_databases
def test_what_can_not_be_kept_is_not_handed_out(stage, kept, cast, file):
    file.mkdir(parents=True)  # a folder: it can't be written to
    for work in (
        lambda s: factories.coupon(s, cast.anywhere),
        lambda s: factories.campaign(s, partners=[cast.north_partner]),
        lambda s: signing.rotate(s, Sealer([SECRET]), NOW),
    ):
        with pytest.raises(NotKept):
            kept.write(work)
    assert kept.read(lambda s: all_of(s, Coupon)) == []
    assert kept.read(lambda s: s.get_one(Campaign, cast.anywhere)).coupons == 0
    kept.write(lambda s: campaigns.patch_campaign(s, OPERATOR, cast.anywhere, NOW, stopped=True))


def test_it_is_written_once_for_a_block(kept, cast, file):
    for _ in range(5):
        issue_to(kept, cast.anywhere, 3)
    assert len(file.read_text().split()) == 2
    again = HighWater(file)
    again.keep({str(cast.anywhere): COUPONS_PER_BLOCK})
    assert len(file.read_text().split()) == 2, "a server that starts again knows its file"
    again.keep({str(cast.anywhere): COUPONS_PER_BLOCK + 1})
    assert read_marks([file]).coupons == {cast.anywhere: 2 * COUPONS_PER_BLOCK}


def test_processes_that_share_a_file_lose_nothing_of_each_other(file):
    waters = [HighWater(file) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: each[1].keep({str(each[0]): 1, "keys": each[0]}), enumerate(waters, start=1)))
    assert read_marks([file]) == Marks(0, 8, dict.fromkeys(range(1, 9), COUPONS_PER_BLOCK))


def test_a_torn_line_spoils_no_other(file):
    HighWater(file).keep({"7": 15_000, "campaigns": 9})
    with file.open("ab") as torn:
        torn.write(b"7 3000\xff\x00")
    HighWater(file).keep({"8": 1})
    assert read_marks([file]) == Marks(9, 0, {7: 20_000, 8: 10_000})


def test_of_several_servers_the_highest_counts(tmp_path):
    files = [tmp_path / "one", tmp_path / "two"]
    HighWater(files[0]).keep({"1": 25_000, "keys": 3})
    HighWater(files[1]).keep({"1": 5_000, "2": 1, "keys": 4})
    assert read_marks(files) == Marks(0, 4, {1: 30_000, 2: 10_000})


@on_both_databases
def test_a_batch_of_a_million_since_the_backup_is_passed(kept, cast):
    """The backup knows none of them, and 10,000 skipped numbers are too few."""
    marks = Marks(4_000, 40, {cast.anywhere: 1_010_000, 77: 2_000_000})
    kept.write(lambda s: restore.begin(s, NOW, marks=marks))
    (coupon,) = issue_to(kept, cast.anywhere, 1)
    assert coupon.coupon.serial & 0xFFFFFFFF == 1_010_000
    row, other = (kept.read(lambda s, n=n: s.get_one(Campaign, n)) for n in (cast.anywhere, cast.north_only))
    assert (row.coupons - row.skipped, other.coupons, other.skipped) == (1, 10_000, 10_000)
    life = kept.read(generation.current)
    assert (life.campaigns_from, life.keys_from, life.skipped_numbers) == (4_000, 40, 2_000_000)
    made = kept.write(lambda s: create_campaign(s, OPERATOR, "New", factories.terms(stores=[cast.north]), NOW))
    assert made.number == 4_000


def test_without_a_mark_as_many_are_skipped_as_before(kept, cast):
    kept.write(lambda s: restore.begin(s, NOW, 25, marks=Marks(1, 1, {cast.anywhere: 3})))
    row = kept.read(lambda s: s.get_one(Campaign, cast.anywhere))
    assert (row.coupons, row.skipped) == (25, 25)


@on_both_databases
def test_no_number_is_handed_out_twice_whenever_the_backup_was_made(kept, cast, vault, file):
    """The backup is of before the first coupon; more were issued than a restore skips."""
    vault.back_up()
    first = {each.coupon.serial for _ in range(3) for each in issue_to(kept, cast.anywhere, 5)}
    kept.engine.dispose()
    vault.put_back()
    kept.write(lambda s: restore.begin(s, NOW, 1, marks=read_marks([file])))
    second = {each.coupon.serial for each in issue_to(kept, cast.anywhere, 5)}
    assert not first & second
