"""Entries in quarantine are admitted or left, up to one entry or all of them."""

import re

import pytest
from sqlalchemy import update

from redeem.db.models.devices import Device, Quarantine
from redeem.db.models.ledger import Act, Redemption
from redeem.sync import quarantine
from redeem.web.context import now_ms
from redeem.web.manager import steps
from tests import factories
from tests.factories import all_of, noted
from tests.web import office_factories


@pytest.fixture
def gift(cast, database):
    return database.write(lambda db: factories.coupon(db, cast.anywhere))


@pytest.fixture
def journal(cast, database, gift):
    """The page of a revoked tablet's journal: it gave a gift, and took it back."""
    entries = (
        {"kind": "unlock"},
        {"kind": "gave-at-risk", "coupon": gift.token, "list": now_ms()},
        {"kind": "undo", "of": 2, "reason": "mistake"},
    )
    return f"/manager/quarantine/{database.write(lambda db: office_factories.journal(db, cast.north, *entries))}"


def decisions(database):
    rows = database.read(lambda db: all_of(db, Quarantine))
    return [row.decision for row in sorted(rows, key=lambda row: row.number)]


def changes(database):
    return [(entry.what, entry.details) for entry in database.read(noted)]


def hash_of(page, number):
    """The hash by which the page's form names the entry."""
    found = re.findall(r'name="entry" value="([^"]+)"', page)
    return found[2 * (number - 1)]


def test_what_waits_is_listed_by_device(office, journal):
    text = office("store_manager").open("/manager/quarantine").text
    assert "Old tablet" in text
    assert journal in text
    assert "3 entries in quarantine wait" in office("store_manager").open("/manager/devices").text


def test_many_journals_are_listed_in_pages(office, cast, database, monkeypatch):
    monkeypatch.setattr(quarantine, "JOURNALS_PER_PAGE_MAX", 2)
    journals = [database.write(lambda db: office_factories.journal(db, cast.north)) for _ in range(3)]
    manager = office("store_manager")
    first = manager.open("/manager/quarantine").text
    (further,) = re.findall(r'href="(/manager/quarantine\?after=[^"]+)"', first)
    second = manager.open(further).text
    listed = [re.findall(r"/manager/quarantine/(dev_\w+)", page) for page in (first, second)]
    assert [len(each) for each in listed] == [2, 1]
    assert sorted(listed[0] + listed[1]) == sorted(journals)
    assert "Further journals" not in second
    for nonsense in ("x", "1.2", "1.dev_1.dev_2", "9" * 20 + ".x.y", "²." + journals[0] + "." + journals[0]):
        assert journals[0] in manager.open(f"/manager/quarantine?after={nonsense}").text


def test_of_a_tablet_that_is_written_off_it_is_told_what_admitting_risks(office, journal, database):
    assert "may give it once more" not in office("auditor").open(journal).text
    database.write(lambda db: db.execute(update(Device).where(Device.name == "Old tablet").values(lost_at=1)))
    assert "may give it once more" in office("auditor").open(journal).text


def test_nothing_in_quarantine_is_told_with_what_it_is_for(office):
    assert "Nothing is in quarantine" in office("store_manager").open("/manager/quarantine").text


def test_each_entry_says_what_it_is_and_what_speaks_for_it(office, journal, gift):
    text = office("shop_manager").open(journal).text
    for words in ("Clerk unlocked the tablet", "Clerk gave the gift offline, at risk", gift.id, "of entry 2"):
        assert words in text
    assert text.count("Signed by this tablet") == 3
    assert text.count("Nothing missing before it") == 3
    assert "The tablet was revoked or written off" in text


def test_an_entry_that_another_key_signed_says_so(office, cast, database, journal):
    def forge(db):
        row = next(row for row in all_of(db, Quarantine) if row.number == 2)
        row.signature = b"0" * 64

    database.write(forge)
    manager = office("shop_manager")
    assert "Not signed by this tablet" in manager.open(journal).text
    manager.send(f"{journal}/admit")
    assert "Not counted: the tablet did not sign it" in manager.open(journal).text
    assert database.read(lambda db: all_of(db, Redemption)) == []


def test_all_are_admitted_in_order(office, database, journal, gift):
    assert office("shop_manager").send(f"{journal}/admit").status_code == 303
    assert decisions(database) == ["admitted"] * 3
    codes = {act.kind: act.code for act in database.read(lambda db: all_of(db, Act))}
    assert codes == {"unlock": "noted", "gave-at-risk": "redeemed", "undo": "reversed"}
    [(what, details)] = changes(database)
    assert (what, details["numbers"]) == ("entries_admitted", [1, 3])
    assert "3 entries were admitted." in office("shop_manager").open(journal).text


def form_of(page):
    """What the page that goes on sends next."""
    form = page[page.index('id="going"') :]
    return dict(re.findall(r'type="hidden" name="(entry|admitted)" value="([^"]+)"', form[: form.index("</form>")]))


@pytest.fixture
def long_journal(cast, database, monkeypatch):
    """The page of seven entries, where one request admits two."""
    monkeypatch.setattr(quarantine, "ADMITTED_PER_STEP", 2)
    monkeypatch.setattr(steps, "WORK_SECONDS", 0.0)
    entries = [{"kind": "unlock"}] * 7
    return f"/manager/quarantine/{database.write(lambda db: office_factories.journal(db, cast.north, *entries))}"


def test_many_are_admitted_part_by_part_by_a_page_that_goes_on(office, database, long_journal):
    manager, said, seen = (
        office("shop_manager"),
        {"entry": hash_of(office("shop_manager").open(long_journal).text, 5)},
        [],
    )
    while (answer := manager.send(f"{long_journal}/admit", said)).status_code == 200:
        said = form_of(answer.text)
        seen.append((said["admitted"], decisions(database).count("admitted")))
        assert f"{said['admitted']} of 5 entries are admitted" in answer.text
        assert "manager/going.js" in answer.text
    assert seen == [("2", 2), ("4", 4)]
    assert decisions(database) == ["admitted"] * 5 + [None] * 2
    assert "5 entries were admitted." in manager.open(answer.location).text


def test_sent_twice_or_by_two_managers_a_part_is_admitted_once(office, database, long_journal):
    manager = office("shop_manager")
    said = form_of(manager.send(f"{long_journal}/admit").text)
    for _ in range(2):
        manager.send(f"{long_journal}/admit", said)
    assert decisions(database) == ["admitted"] * 6 + [None]
    assert manager.send(f"{long_journal}/admit", said).status_code == 303
    assert manager.send(f"{long_journal}/admit", said).status_code == 303
    assert len(database.read(lambda db: all_of(db, Act))) == 7


def test_an_interruption_leaves_the_rest_waiting_and_no_page_goes_on_by_itself(office, database, long_journal):
    manager = office("shop_manager")
    manager.send(f"{long_journal}/admit")
    text = manager.open(long_journal).text
    assert "5 entries wait." in text
    assert "going.js" not in text
    assert manager.open(f"{long_journal}/admit").status_code == 404
    assert decisions(database) == ["admitted"] * 2 + [None] * 5


@pytest.mark.parametrize("admitted", ["-1", "1e9", "9" * 30, "<b>", "²"])
def test_a_count_that_the_page_did_not_write_counts_for_nothing(office, long_journal, admitted):
    text = office("shop_manager").send(f"{long_journal}/admit", {"admitted": admitted}).text
    assert "2 of 7 entries are admitted" in text


def test_those_up_to_one_are_admitted_and_another_left(office, database, journal):
    manager = office("shop_manager")
    page = manager.open(journal).text
    manager.send(f"{journal}/admit", {"entry": hash_of(page, 2)})
    assert "2 entries were admitted." in manager.open(journal).text
    manager.send(f"{journal}/leave", {"entry": hash_of(page, 3)})
    assert decisions(database) == ["admitted", "admitted", "left"]
    assert len(database.read(lambda db: all_of(db, Redemption))) == 1
    text = manager.open(journal).text
    assert "Admitted: Redeemed" in text
    assert "Left as it is" in text


def test_what_is_left_never_counts_and_stays(office, database, journal):
    office("shop_manager").send(f"{journal}/leave")
    assert decisions(database) == ["left"] * 3
    assert database.read(lambda db: all_of(db, Act)) == []
    assert office("shop_manager").open(journal).text.count("Left as it is") == 3
    assert changes(database) == [("entries_left", {"entries": 3})]


def test_whoever_may_not_decide_sees_no_button(office, journal):
    for role in ("auditor", "partner_manager", "store_manager"):
        text = office(role).open(journal).text
        assert "A shop manager decides" in text
        assert "/admit" not in text
