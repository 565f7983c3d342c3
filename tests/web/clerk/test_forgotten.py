"""A tablet that was enrolled after the backup: the restored ledger does not know it, and managers see that it has called."""

import pytest
from nacl.signing import SigningKey
from sqlalchemy import delete, update

from redeem.accounts.audit import OPERATOR
from redeem.db.models.devices import Device, Forgotten, Quarantine
from redeem.devices import enrolment
from redeem.devices.forgotten import Proof, list_callers, note
from redeem.domain.proofs import EPOCHS_PER_GENERATION
from redeem.ledger import generation, recovery_reports, signing
from redeem.lib.encoding import base64url
from redeem.lib.times import MS_PER_DAY, MS_PER_MINUTE
from redeem.recovery import tills
from redeem.recovery.enrolled_since_backup import go_on_without_forgotten
from redeem.recovery.restore import begin
from redeem.sync import quarantine
from redeem.web.context import now_ms
from redeem.web.urls import enrolment_link
from tests.factories import PROOFS, all_of, noted
from tests.tablets import Tablet
from tests.web.programs import assert_problem
from tests.web.signed import Signing

KEY = SigningKey(b"the key of a tablet that is late")
STRANGER = SigningKey(b"the key of somebody from outside")
UNKNOWN = "dev_" + "0" * 26
PAGE = "/manager/recovery"
QUESTION = "/manager/recovery/forgotten"


class Late:
    """A tablet of the north store that is in no backup."""

    def __init__(self, app, database, client, cast, key=KEY):
        self.app, self.database, self.client, self.cast, self.key = app, database, client, cast, key
        enrolled = self.enrol()
        self.device_id, self.proof = enrolled["device"]["id"], enrolled["proof"]
        self.journal = Tablet(database, self.device_id, key)
        self.journal.write("lock")

    def link(self):
        """The token of a new one."""
        made = self.database.write(
            lambda db: enrolment.invite_tablet(db, OPERATOR, self.cast.north, "Late", now_ms(), 10).id
        )
        return enrolment_link(self.app.extensions["redeem"], made).partition("#enrol=")[2]

    def enrol(self):
        body = {"v": 1, "token": self.link(), "public_key": base64url(bytes(self.key.verify_key))}
        return self.client.post("/clerk/enrol", json=body).json

    def sync(self, device_id=None, key=None, **said):
        body = {"v": 1, "after": 0, "entries": [], "end": len(self.journal.journal)} | said
        return Signing(self.client, device_id or self.device_id, key or self.key).post("/clerk/sync", body)

    def give_held(self, coupon):
        """The grant that it shows is one that the restored ledger has forgotten."""
        epoch = EPOCHS_PER_GENERATION + 1
        grant = PROOFS.grant(self.device_id, coupon.serial, epoch)
        return self.journal.write("gave-held", coupon=coupon.token, epoch=epoch, grant=grant)

    def old(self):
        entries = [{"text": each.text, "signature": base64url(each.signature)} for each in self.journal.journal]
        return {"device": self.device_id, "entries": entries}


@pytest.fixture
def late(app, database, client, cast):
    """It was enrolled, and then a backup from before that was put back."""
    made = Late(app, database, client, cast)

    def restore(session):
        session.execute(delete(Device).where(Device.id == made.device_id))
        begin(session, now_ms())

    database.write(restore)
    return made


@pytest.fixture
def new(late, app, database, client, cast):
    """What that tablet is now: another device, with another key."""
    return Late(app, database, client, cast, STRANGER)


@pytest.fixture
def admitted(late, database, manager_id):
    """What a manager hears who admits its journal."""
    return lambda: database.write(
        lambda db: quarantine.admit(db, late.device_id, manager_id, signing.load_ring(db), PROOFS, now_ms()).outcomes
    )


def callers(database, at=0):
    return database.read(lambda db: list_callers(db, at or now_ms()))


def test_it_is_refused_and_managers_see_that_it_has_called(late, office, database):
    assert late.sync().json["code"] == "not_signed"
    assert late.device_id not in office("shop_manager").open(PAGE).text
    assert late.sync(proof=late.proof).json["code"] == "not_signed"
    for who in ("shop_manager", "partner_manager", "store_manager", "auditor"):
        text = office(who).open(PAGE).text
        assert "Enrolled after the backup" in text
        assert late.device_id in text
    assert late.device_id not in office("south_manager").open(PAGE).text
    assert "Enrol anew" not in office("auditor").open(PAGE).text
    (caller,) = callers(database)
    assert (caller.device_name, caller.store_id, caller.entries) == ("Late", late.cast.north, 1)


def test_it_calls_every_few_seconds_and_is_noted_once_a_minute(late, database):
    late.sync(proof=late.proof)
    (first,) = callers(database)
    late.sync(proof=late.proof, end=2)
    assert callers(database) == [first]
    (row,) = database.read(lambda db: all_of(db, Forgotten))
    proof, later = Proof(row.device_id, row.public_key, row.store_id, row.name), first.last_at + MS_PER_MINUTE
    database.write(lambda db: note(db, proof, 2, later))
    (again,) = callers(database, later)
    assert (again.entries, again.last_at) == (2, later)
    assert callers(database, later + 31 * MS_PER_DAY) == []


def forged(proof):
    """Signed by a letter otherwise: by the first, for of what the last may be two mean one."""
    said, signature = proof.rsplit(".", 1)
    return f"{said}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def test_a_stranger_leaves_nothing_behind(late, database):
    for device_id, key, proof in (
        (UNKNOWN, STRANGER, "x" * 2048),
        (UNKNOWN, STRANGER, late.proof),  # overheard
        (late.device_id, STRANGER, late.proof),
        (UNKNOWN, KEY, late.proof),
        (late.device_id, KEY, forged(late.proof)),
        (late.device_id, KEY, late.link()),
    ):
        assert late.sync(device_id, key, proof=proof).json["code"] == "not_signed"
    assert late.sync(proof="x" * 2049).status_code in (400, 422)
    assert database.read(lambda db: all_of(db, Forgotten)) == []


def test_enrolled_anew_with_its_key_it_is_forgotten_no_more_and_nothing_is_lost(late, database, office, coupon):
    gave = late.journal.write("gave-held", coupon=coupon.token)
    late.sync(proof=late.proof)
    anew = late.enrol()["device"]["id"]
    assert [caller.entries for caller in callers(database)] == [2], "not before all of it is handed in"
    part = late.old()
    late.sync(anew, old=part | {"entries": part["entries"][:1]}, end=0)
    assert [caller.entries for caller in callers(database)] == [2]
    told = late.sync(anew, old=late.old(), end=0).json
    assert (told["quarantined"], told["old_kept"]) == (2, gave)
    late.sync(proof=late.proof)  # as what it was, from a tab that was left open
    assert callers(database) == []
    assert late.device_id in office("shop_manager").open("/manager/quarantine").text


def test_what_it_gave_is_booked_although_its_key_is_gone(late, database, coupon, new, admitted):
    """Its browser lost the key, or the device that was enrolled with it was revoked: what was sealed of it proves what it wrote."""
    late.give_held(coupon)
    told = new.sync(old=late.old() | {"proof": late.proof}).json
    assert (told["quarantined"], told["old_kept"]) == (2, 2)
    assert callers(database) == []
    assert admitted() == {"noted": 1, "redeemed": 1}


@pytest.mark.parametrize("proof", ["none", "another tablet's", "an invented one", "a link"])
def test_without_a_proof_that_is_its_own_nothing_of_a_journal_is_kept(late, database, coupon, new, proof):
    late.journal.write("gave-held", coupon=coupon.token)
    sealed = {"another tablet's": new.proof, "an invented one": forged(late.proof), "a link": late.link()}
    told = new.sync(old=late.old() | ({"proof": sealed[proof]} if proof in sealed else {})).json
    assert (told["old_kept"], told["old_refused"]) == (0, 2)
    assert database.read(lambda db: all_of(db, Quarantine)) == []
    assert database.read(lambda db: all_of(db, Forgotten)) == []


def test_a_tablet_that_the_ledger_knows_needs_no_proof(app, database, client, cast):
    late, new = (Late(app, database, client, cast, key) for key in (KEY, STRANGER))
    new.sync(old=late.old() | {"proof": late.proof})
    assert database.read(lambda db: all_of(db, Forgotten)) == []


def test_another_restore_forgets_no_key_of_what_was_handed_in(late, database, coupon, new, admitted):
    late.give_held(coupon)
    new.sync(old=late.old() | {"proof": late.proof})
    database.write(lambda db: begin(db, now_ms()))
    assert admitted() == {"noted": 1, "redeemed": 1}


def test_of_a_store_that_is_forgotten_too_the_whole_shop_alone_is_told(late, database, office):
    proof = Proof(late.device_id, bytes(KEY.verify_key), "sto_" + "0" * 26, "=HYPERLINK(1)")
    database.write(lambda db: note(db, proof, 7, now_ms()))
    text = office("shop_manager").open(PAGE).text
    assert "forgotten too" in text
    assert "=HYPERLINK(1)" in text
    assert "=HYPERLINK(1)" not in office("store_manager").open(PAGE).text


def test_another_restore_begins_the_list_anew(late, database):
    late.sync(proof=late.proof)
    database.write(lambda db: begin(db, now_ms()))
    assert callers(database) == []
    late.sync(proof=late.proof)
    assert [each.device_id for each in callers(database)] == [late.device_id]


def is_recovering(database):
    return database.read(generation.current).is_recovering


@pytest.fixture
def alone(late, database):
    """All that the ledger knows have reported."""
    database.write(lambda db: db.execute(update(Device).values(reported_generation=2)))
    return late


def test_the_ledger_waits_until_a_shop_manager_says_that_nothing_is_missing(alone, database, office):
    database.write(recovery_reports.end_if_complete)
    assert is_recovering(database)
    boss = office("shop_manager")
    assert f'href="{QUESTION}"' in boss.open(PAGE).text
    assert "Is nothing missing?" in boss.open(QUESTION).text
    assert office("store_manager").send(QUESTION).status_code == 403
    assert f'href="{QUESTION}"' not in office("auditor").open(PAGE).text
    assert is_recovering(database)
    assert boss.send(QUESTION).status_code == 303
    assert not is_recovering(database)
    assert boss.open(QUESTION).headers["Location"] == PAGE
    assert boss.send(QUESTION).headers["Location"] == PAGE  # a second click
    assert [entry.what for entry in database.read(noted)] == ["forgotten_settled"]


def test_nobody_goes_on_without_those_that_have_called_by_a_slip(alone, database, office):
    alone.sync(proof=alone.proof)
    boss = office("shop_manager")
    assert "Go on without 1 tablet?" in boss.open(QUESTION).text
    for typed in ("", "2"):
        answer = boss.send(QUESTION, {"confirm": typed})
        assert answer.status_code == 422
        assert "Type the number" in answer.text
    assert is_recovering(database)
    assert boss.send(QUESTION, {"confirm": "1"}).status_code == 303
    assert not is_recovering(database)
    (entry,) = database.read(noted)
    assert (entry.details["name"], entry.details["devices"]) == ("Late", [alone.device_id])


def test_nobody_goes_on_by_a_slip_before_what_was_handed_in_is_admitted(alone, new, coupon, office, database, admitted):
    alone.journal.write("gave-held", coupon=coupon.token)
    new.sync(old=alone.old() | {"proof": alone.proof})
    boss = office("shop_manager")
    assert "What 1 tablet has handed in waits" in boss.open(PAGE).text
    assert "Admit them first" in boss.open(QUESTION).text
    assert boss.send(QUESTION).status_code == 422
    assert is_recovering(database)
    admitted()
    assert "Is nothing missing?" in boss.open(QUESTION).text
    assert boss.send(QUESTION).status_code == 303
    assert not is_recovering(database)


def test_one_that_had_recorded_nothing_is_here_again_when_it_is_enrolled_anew(late, database):
    late.sync(proof=late.proof, end=0)
    assert len(callers(database)) == 1
    late.enrol()
    assert callers(database) == []


def test_an_ask_that_is_admitted_burns_no_coupon(alone, new, coupon, admitted, north, database, manager_id):
    """It was open when the tablet was enrolled anew: nobody waits for its answer, and nobody got the gift."""
    alone.journal.write("ask", coupon=coupon.token)
    new.sync(old=alone.old() | {"proof": alone.proof})
    assert database.write(lambda db: go_on_without_forgotten(db, manager_id, now_ms(), missing=1))
    assert admitted() == {"noted": 1, "attempt_cancelled": 1}
    assert north.redeem(coupon.token).status_code == 201


def test_nothing_that_it_gave_is_given_again_before_that_is_said(
    alone, database, coupon, new, admitted, north, manager_id
):
    alone.give_held(coupon)
    assert_problem(north.redeem(coupon.token), "recovering")
    new.sync(old=alone.old() | {"proof": alone.proof})
    assert admitted() == {"noted": 1, "redeemed": 1}
    database.write(lambda db: go_on_without_forgotten(db, manager_id, now_ms()))
    assert_problem(north.redeem(coupon.token), "already_redeemed")


def test_a_till_of_that_time_that_is_made_anew_is_awaited(alone, database, cast, manager_id):
    made = database.write(lambda db: enrolment.add_till(db, OPERATOR, cast.north, "Till 9", now_ms()))
    database.write(lambda db: go_on_without_forgotten(db, manager_id, now_ms()))
    assert is_recovering(database)
    database.write(lambda db: tills.till_reported(db, made.device.id))
    assert not is_recovering(database)
    later = database.write(lambda db: enrolment.add_till(db, OPERATOR, cast.north, "Till 10", now_ms()))
    assert later.device.reported_generation == 2


def test_it_is_still_shown_when_the_ledger_is_whole(app, database, client, cast, office):
    late = Late(app, database, client, cast)
    database.write(lambda db: db.execute(delete(Device).where(Device.id == late.device_id)))
    late.sync(proof=late.proof)
    text = office("shop_manager").open(PAGE).text
    assert "All records are in" in text
    assert late.device_id in text
