"""Closing stores and partners in the office: what it means is said before, it stands apart after, and it is undone with one click."""

import pytest

from redeem.db.models.partners import Partner, Store
from tests import factories
from tests.factories import noted
from tests.web.programs import Program


@pytest.fixture
def north(cast):
    return f"/manager/stores/{cast.north}"


def closed(database, model, id_):
    return database.read(lambda db: db.get_one(model, id_)).closed_at is not None


def test_a_store_is_closed_and_opened_again(office, north, cast, database):
    manager = office("shop_manager")
    question = manager.open(f"{north}/close").text
    for told in ("Close “North, on the square”?", "counts and is owed", "You can open it again"):
        assert told in question
    assert manager.send(f"{north}/close").headers["Location"] == north
    assert closed(database, Store, cast.north)
    assert "Closed since" in manager.open(north).text
    assert manager.send(f"{north}/reopen").status_code == 303
    assert "Closed since" not in manager.open(north).text
    assert [entry.what for entry in database.read(noted)] == ["store_closed", "store_reopened"]


def test_a_second_click_changes_nothing(office, north, database):
    for _ in range(2):
        assert office("shop_manager").send(f"{north}/close").status_code == 303
    assert len(database.read(noted)) == 1


def test_a_partner_is_closed_with_its_stores(office, north, cast, database):
    manager = office("shop_manager")
    path = f"/manager/partners/{cast.north_partner}"
    assert "with all its stores?" in manager.open(f"{path}/close").text
    manager.send(f"{path}/close")
    assert closed(database, Partner, cast.north_partner)
    assert not closed(database, Store, cast.north)
    store = manager.open(north).text
    assert "Closed since" in store
    assert f"{north}/reopen" not in store  # the partner is what is closed
    manager.send(f"{path}/reopen")
    assert "Closed since" not in manager.open(north).text


def test_closed_stores_stand_apart_and_last(office, north, cast):
    manager = office("shop_manager")
    before = manager.open("/manager/stores").text
    assert before.index("North, at the station") < before.index("North, on the square")
    manager.send(f"/manager/stores/{cast.annex}/close")
    after = manager.open("/manager/stores").text
    assert after.index("North, on the square") < after.index("North, at the station")
    assert after.count("· closed") == 1


def test_whoever_runs_no_shop_closes_nothing(office, north):
    store = office("store_manager").open(north).text
    assert f"{north}/close" not in store


@pytest.fixture
def only_here(database, cast):
    return database.write(lambda s: factories.campaign(s, "Only here", stores=[cast.north]).number)


def test_coupons_that_would_have_nowhere_to_go_are_counted(office, north, cast, only_here, issue, database):
    manager = office("shop_manager")
    assert "would be good at no open store" not in manager.open(f"{north}/close").text
    issue(only_here)
    given, voided = issue(only_here), issue(only_here)
    assert Program(manager.client, cast.north_till).redeem(given.token).status_code == 201
    database.write(lambda s: factories.void(s, voided))
    issue(cast.anywhere)
    question = manager.open(f"{north}/close").text
    assert "would be good at no open store: 1. Their campaigns: Only here." in question
    manager.send(f"{north}/close")
    assert "good at no open store: 1. Their campaigns: Only here." in manager.open(north).text


def test_a_campaign_with_another_open_store_strands_nobody(office, north, cast, database, issue):
    two = database.write(lambda s: factories.campaign(s, "Two", stores=[cast.north, cast.annex]).number)
    issue(two)
    manager = office("shop_manager")
    assert "Their campaigns" not in manager.open(f"{north}/close").text
    manager.send(f"/manager/stores/{cast.annex}/close")
    assert "Their campaigns: Two." in manager.open(f"{north}/close").text
