"""An old copy of the database that serves as if it were the newest: a tablet's receipt shows it, and it says so everywhere."""

from dataclasses import asdict

import pytest

from redeem.domain.proofs import Receipt
from redeem.ledger import generation
from redeem.ops import doctor
from redeem.recovery.restore import begin
from redeem.web.context import now_ms
from tests.cast import TABLET_KEY
from tests.factories import PROOFS
from tests.web.clerk.test_forgotten import Late
from tests.web.programs import assert_problem
from tests.web.signed import Signing

OLD_COPY = "This server runs on an old copy of its database"


@pytest.fixture
def put_back(counters, vault):
    """A backup without the tablet's newest entries; returns the receipt of them."""
    counters.tablet.act("lock")
    vault.back_up()
    counters.tablet.act("lock")
    vault.put_back()
    return asdict(counters.tablet.receipt)


def sync(client, cast, **said):
    return Signing(client, cast.tablet_id, TABLET_KEY).post("/clerk/sync", {"v": 1, "after": 2, "entries": [], **said})


def is_known(database):
    return database.read(generation.current).behind_generation is not None


def test_the_tablets_first_call_finds_it_and_every_page_of_the_office_says_so(
    app, client, cast, office, database, put_back, tmp_path
):
    assert OLD_COPY not in office("auditor").open("/manager/").text
    assert_problem(sync(client, cast, receipt=put_back), "ledger_behind")
    assert is_known(database)
    for page in ("/manager/", "/manager/statements", "/manager/devices"):
        assert OLD_COPY in office("auditor").open(page).text
    found = doctor.check_ledger(app.extensions["redeem"])
    assert (found.level, "flask restore" in found.words) == (doctor.Level.FAULT, True)


def test_the_number_of_its_last_entry_alone_shows_nothing(client, cast, database, put_back):
    assert sync(client, cast, end=9).status_code == 200
    assert sync(client, cast, receipt=put_back | {"proof": "A" * 86}).status_code == 200
    assert not is_known(database)


@pytest.mark.parametrize("broken", [{"number": 0}, {"number": "2"}, {"proof": "A" * 87}, {"generation": 2**40}])
def test_a_receipt_that_is_none_is_refused(client, cast, put_back, broken):
    assert_problem(sync(client, cast, receipt=put_back | broken), "invalid")


def test_a_reply_has_the_receipt_that_the_next_call_shows(client, cast, counters):
    counters.tablet.act("lock")
    receipt = sync(client, cast).json["receipt"]
    assert (receipt["generation"], receipt["number"]) == (1, 1)
    assert PROOFS.is_receipt(Receipt(**receipt), cast.tablet_id)
    assert (receipt["generation"], receipt["number"]) == (1, 1)
    assert sync(client, cast, receipt=receipt).status_code == 200


@pytest.fixture
def late(app, database, client, cast, vault):
    """It was enrolled and has sent what it wrote after the backup was taken."""
    vault.back_up()
    late = Late(app, database, client, cast)
    late.journal.sync()
    return late


def test_a_tablet_that_the_copy_has_never_heard_of_shows_it_too(late, database, vault):
    vault.put_back()
    receipt = asdict(late.journal.receipt)
    assert_problem(late.sync(proof=late.proof), "not_signed")
    assert not is_known(database)
    assert_problem(late.sync(proof=late.proof, receipt=receipt), "ledger_behind")
    assert is_known(database)


def test_after_a_restore_such_a_tablet_is_told_to_enrol(late, database, vault):
    vault.put_back()
    database.write(lambda db: begin(db, now_ms()))
    assert_problem(late.sync(proof=late.proof, receipt=asdict(late.journal.receipt)), "not_signed")
    assert not is_known(database)
