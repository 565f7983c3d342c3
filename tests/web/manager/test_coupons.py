"""A coupon is found by whatever of it is at hand; its story is told as far as one may know it."""

import pytest

from redeem.accounts.audit import OPERATOR
from redeem.db.models.devices import Device
from redeem.db.models.ledger import Conflict
from redeem.devices import enrolment
from redeem.domain.short_codes import grouped
from redeem.ledger.ledger import find_standing
from redeem.lib.ids import coupon_id
from redeem.web.context import now_ms
from redeem.web.manager import conflicts
from tests import factories
from tests.cast import TABLET_KEY
from tests.factories import NOW
from tests.tablets import Tablet
from tests.tills import till_of
from tests.web import office_factories


@pytest.fixture
def coupon(database, cast):
    return database.write(lambda db: factories.coupon(db, cast.anywhere, order_ref="A-1001"))


def look_for(office, role, text):
    return office(role).client.get("/manager/coupons", query_string={"q": text})


@pytest.mark.parametrize(
    "written",
    [
        lambda coupon: coupon.token,
        lambda coupon: f"HTTPS://GIFT.EXAMPLE/C/{coupon.token}",
        lambda coupon: f"  {coupon.short_code} ",
        lambda coupon: grouped(coupon.short_code).lower(),
        lambda coupon: coupon.id,
        lambda _coupon: "A-1001",
        lambda coupon: f"реезыЖ..пшаеюучфьздуюсщь.с.{coupon.token}",
        lambda coupon: f"\x02~{coupon.token}\x03",
        lambda coupon: f"\ufeff\u200e{coupon.short_code}\u00a0",
        lambda coupon: f"\u00a0{coupon.id}\u200b",
        lambda _coupon: "\ufeffA-1001\u200e",
    ],
    ids=[
        *("token", "link", "short code", "grouped code", "id", "order"),
        *("mistyped by a scanner", "between STX and ETX", "code with unseen marks", "id with unseen marks"),
        "order with unseen marks",
    ],
)
def test_it_is_found_by_whatever_is_at_hand(office, coupon, written):
    answer = look_for(office, "shop_manager", written(coupon))
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/manager/coupons/{coupon.id}")


def test_coupons_of_one_order_are_listed(office, cast, database, coupon):
    other = database.write(lambda db: factories.coupon(db, cast.north_only, order_ref="A-1001"))
    text = look_for(office, "shop_manager", "A-1001").text
    assert coupon.id in text
    assert other.id in text


@pytest.mark.parametrize("text", ["7KQ2-M4XZ-9F3C", "cpn_9_9", "A-9999", "1" * 183, "x" * 5000, "%", "' OR 1=1 --"])
def test_what_is_nothing_is_said_so(office, text):
    answer = look_for(office, "shop_manager", text)
    assert answer.status_code == 200
    assert "No such coupon" in answer.text


def test_a_partner_finds_no_orders_and_nothing_of_others(office, cast, database, coupon):
    north = database.write(lambda db: factories.coupon(db, cast.north_only))
    assert look_for(office, "partner_manager", "A-1001").status_code == 200
    for text in (north.token, north.short_code, north.id):
        assert look_for(office, "south_manager", text).status_code == 200
        assert look_for(office, "partner_manager", text).status_code == 303


def test_a_story_tells_all_that_was_done(office, cast, database, coupon):
    tablet = Tablet(database, cast.tablet_id, TABLET_KEY)
    asked = tablet.write("ask", coupon=coupon.token, clerk=cast.clerk_id)
    tablet.write("gave", of=asked)
    tablet.write("undo", of=asked, reason="wrong_gift")
    tablet.write("refusal", coupon=coupon.token, reason="no_receipt")
    tablet.sync()
    text = office("shop_manager").open(f"/manager/coupons/{coupon.id}").text
    told = [
        "Issued",
        "Redeemed on the tablet",
        "Anna",
        "Undone: Wrong gift",
        "Clerk gave the gift",
        "Clerk undid the redemption: Wrong gift",
        "Clerk did not give it: Asked for a receipt",
    ]
    places = [text.index(words) for words in told]
    assert places == sorted(places)
    assert "Ready to be given" in text
    assert "A-1001" in text


def test_a_given_coupon_says_when_and_where(office, cast, database, coupon):
    till_of(database, cast.south_till).redeem(coupon, now=NOW)
    text = office("shop_manager").open(f"/manager/coupons/{coupon.id}").text
    assert "21 Nov 2026, 11:33" in text
    assert "South, by the river" in text


def test_a_partner_learns_when_and_not_where_another_gave_it(office, cast, database, coupon):
    till_of(database, cast.south_till).redeem(coupon, now=NOW)
    text = office("partner_manager").open(f"/manager/coupons/{coupon.id}").text
    assert "21 Nov 2026, 11:33" in text
    assert "at a store of another partner" in text
    assert "South" not in text
    assert "A-1001" not in text


@pytest.mark.parametrize(("days", "words"), [(None, "Voided by the shop"), (2, "Expired")])
def test_a_coupon_that_is_no_good_says_why(office, cast, database, days, words):
    def make(db):
        windows = {"valid_days": days} if days else {}
        campaign = factories.campaign(db, "Old", partners=[cast.north_partner], windows=windows)
        made = factories.coupon(db, campaign.number, now=NOW - 90 * 86_400_000)
        if not days:
            factories.void(db, made, "the order was returned")
        return made

    made = database.write(make)
    text = office("shop_manager").open(f"/manager/coupons/{made.id}").text
    assert f">{words}<" in text
    assert ("the order was returned" in text) == (not days)


def test_a_story_tells_of_an_attempt_that_its_till_cancelled(office, cast, database, coupon):
    till = till_of(database, cast.north_till)
    till.redeem(coupon, name="att")
    till.cancel("att")
    assert "Undone: Attempt cancelled" in office("shop_manager").open(f"/manager/coupons/{coupon.id}").text


def test_a_story_tells_of_moves_holds_and_a_void_that_waits(office, shop, cast, database, coupon):
    for store in (cast.north, cast.north, None, cast.south, cast.north):
        assert shop.post(f"/coupons/{coupon.id}/home", {"store": store}).status_code == 200
    tablet = Tablet(database, cast.tablet_id, TABLET_KEY)
    tablet.sync(now=now_ms())
    shop.post(f"/coupons/{coupon.id}/void", {"reason": "the order was returned"})
    text = office("shop_manager").open(f"/manager/coupons/{coupon.id}").text
    for words in (
        "Expected at no store in particular",
        "Expected at South, by the river",
        "North counter · North, on the",
    ):
        assert words in text
    assert text.count("Expected at North, on the square") == 2
    assert "It waits for the tablet that holds the coupon" in text
    assert "asked to give it back" in text
    other = office("south_manager").open(f"/manager/coupons/{coupon.id}").text
    assert "a tablet of another partner" in other
    assert "North" not in other.replace("North counter", "")
    assert "North counter" not in other


def test_a_second_gift_is_told_with_who_bears_it(office, cast, database):
    conflict_id = database.write(lambda db: office_factories.two_gifts(db, cast.anywhere, cast.tablet_id, cast.north))
    serial = database.read(lambda db: db.get(Conflict, conflict_id).serial)
    text = office("shop_manager").open(f"/manager/coupons/{coupon_id(serial)}").text
    assert "A second gift of this coupon." in text
    assert f"/manager/conflicts/{conflict_id}" in text
    assert "not decided yet" in text


@pytest.mark.parametrize(
    ("clock", "words"),
    [
        (7_200_000, "its clock was wrong: 2 h fast"),
        (-660_000, "its clock was wrong: 11 min slow"),
        ("back", "its clock was wrong: set back"),
    ],
)
def test_what_the_tablet_knew_of_its_clock_is_told(office, cast, database, coupon, clock, words):
    Tablet(database, cast.tablet_id, TABLET_KEY).act("ask", coupon=coupon.token, clock=clock)
    assert words in office("store_manager").open(f"/manager/coupons/{coupon.id}").text


@pytest.mark.parametrize("clock", [0, True, "forward", 1.5, 2**53, [7_200_000], None])
def test_what_no_app_of_ours_says_of_a_clock_is_no_word_of_it(office, cast, database, coupon, clock):
    assert Tablet(database, cast.tablet_id, TABLET_KEY).act("ask", coupon=coupon.token, clock=clock) == "redeemed"
    answer = office("store_manager").open(f"/manager/coupons/{coupon.id}")
    assert (answer.status_code, "its clock was wrong" in answer.text) == (200, False)


# Undoing a gift.


@pytest.fixture
def given(cast, database, coupon):
    return till_of(database, cast.north_till).redeem(coupon).details["redemption"]


def test_a_shop_manager_undoes_a_gift_with_a_reason(office, coupon, given):
    manager, page = office("shop_manager"), f"/manager/coupons/{coupon.id}/undo"
    assert "Undo this gift" in manager.open(f"/manager/coupons/{coupon.id}").text
    assert given in manager.open(page).text
    assert manager.send(page, {"gift": given}).status_code == 422
    answer = manager.send(page, {"gift": given, "reason": "The partner asked for it."})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/manager/coupons/{coupon.id}")
    text = manager.open(f"/manager/coupons/{coupon.id}").text
    assert "Undone: The partner asked for it. · shop_manager" in text
    assert "Undo this gift" not in text
    assert "there is nothing to undo" in manager.open(page).text


def test_nobody_else_is_offered_it(office, coupon, given):
    for role in ("auditor", "partner_manager", "store_manager"):
        assert "Undo this gift" not in office(role).open(f"/manager/coupons/{coupon.id}").text


def test_what_was_undone_meanwhile_is_said(office, cast, database, coupon, given):
    till = till_of(database, cast.north_till)
    till.reverse(given, "undo")
    again = till.redeem(coupon, "again").details["redemption"]
    answer = office("shop_manager").send(f"/manager/coupons/{coupon.id}/undo", {"gift": given, "reason": "late"})
    assert answer.status_code == 422
    assert "this gift was undone meanwhile, or another gift stands" in answer.text
    assert again in answer.text


def test_a_shop_manager_decides_about_a_gift_of_a_tablet_that_is_gone(office, cast, database, coupon, monkeypatch):
    tablet = Tablet(database, cast.tablet_id, TABLET_KEY)
    tablet.act("ask", coupon=coupon.token)
    manager, page = office("shop_manager"), f"/manager/coupons/{coupon.id}/pending"
    assert page in manager.open(f"/manager/coupons/{coupon.id}").text
    gift = database.read(lambda session: find_standing(session, coupon.serial)).act_id
    said = {"gift": gift, "decision": "never_given"}
    database.write(lambda session: enrolment.revoke_device(session, OPERATOR, cast.tablet_id, NOW))
    desk = manager.open("/manager/conflicts").text
    assert coupon.id in desk
    assert "These are the oldest" not in desk
    monkeypatch.setattr(conflicts, "PENDING_SHOWN_MAX", 1)
    assert "These are the oldest 1." in manager.open("/manager/conflicts").text
    assert manager.send(page, said).status_code == 303
    assert "there is nothing to decide" in manager.open(page).text
    assert coupon.id not in manager.open("/manager/conflicts").text
    assert database.read(lambda session: find_standing(session, coupon.serial)) is None


def test_before_its_tablet_is_gone_it_is_not_decided(office, cast, database, coupon):
    Tablet(database, cast.tablet_id, TABLET_KEY).sync(now=now_ms())
    Tablet(database, cast.tablet_id, TABLET_KEY).act("ask", coupon=coupon.token)
    database.write(lambda session: seen_now(session, cast.tablet_id))
    gift = database.read(lambda session: find_standing(session, coupon.serial)).act_id
    said = {"gift": gift, "decision": "never_given"}
    answer = office("shop_manager").send(f"/manager/coupons/{coupon.id}/pending", said)
    assert answer.status_code == 422
    assert "Wait for the tablet" in answer.text


def seen_now(session, device_id):
    session.get_one(Device, device_id).last_seen_at = now_ms()


def test_a_gift_that_waits_for_its_clerk_is_not_undone_here(office, cast, database, coupon):
    Tablet(database, cast.tablet_id, TABLET_KEY).act("ask", coupon=coupon.token)
    manager = office("shop_manager")
    assert "Undo this gift" not in manager.open(f"/manager/coupons/{coupon.id}").text
    text = manager.open(f"/manager/coupons/{coupon.id}/undo").text
    assert "The tablet has not said yet whether the gift was handed over." in text
