"""Late undos: how many each device has, and which."""

import pytest

from redeem.web.context import now_ms
from tests import factories
from tests.tills import till_of

PAGE = "/manager/late-undos"
DAY = 86_400_000


@pytest.fixture
def late(database, cast):
    coupon = database.write(lambda db: factories.coupon(db, cast.anywhere))
    till, now = till_of(database, cast.north_till), now_ms()
    till.redeem(coupon, "a", now - 2 * DAY)
    till.cancel("a", now - DAY)
    return coupon


def test_the_devices_say_how_many(office, cast, late):
    text = office("store_manager").open("/manager/devices").text
    assert "1 late undo in 30 days" in text
    assert f"{PAGE}?device={cast.north_till_id}" in text
    assert "late undo" not in office("south_manager").open("/manager/devices").text


def test_they_are_listed_for_whoever_reads_the_store(office, cast, late):
    for role, seen in (("auditor", True), ("partner_manager", True), ("store_manager", True), ("south_manager", False)):
        text = office(role).open(PAGE).text
        assert (late.id in text, "No late undo" in text) == (seen, not seen), role
    assert late.id in office("auditor").open(f"{PAGE}?device={cast.north_till_id}").text
    assert "No late undo" in office("auditor").open(f"{PAGE}?device={cast.south_till_id}").text


def test_a_device_of_somebody_elses_is_not_there(office, cast, late):
    for device in (cast.north_till_id, "dev_none"):
        assert office("south_manager").open(f"{PAGE}?device={device}").status_code == 404
