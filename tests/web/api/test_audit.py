"""What the shop's programs change by the API stands in the log of changes, by their key's name."""

import re
from csv import reader
from io import StringIO

import pytest

from redeem.accounts import api_key_format
from redeem.web.api.operation import OPERATIONS
from tests.databases import on_both_databases
from tests.factories import noted
from tests.web.api.test_campaigns import plain
from tests.web.programs import Program, assert_problem, replayed


def reopened(shop, path):
    shop.post(f"{path}/close")
    return shop.post(f"{path}/reopen")


def endpoint(shop):
    return "/webhook-endpoints/" + shop.post("/webhook-endpoints", {"url": "https://shop.example/hook"}).json["id"]


def enabled(shop):
    path = endpoint(shop)
    shop.post(f"{path}/disable")
    return shop.post(f"{path}/enable")


def resent(shop, cast):
    shop.post("/coupons", {"campaign": f"cmp_{cast.anywhere}"})
    event = shop.get("/events").json["data"][0]["id"]
    return shop.post(f"{endpoint(shop)}/resend", {"event": event})


# What each call that changes something is written down as.
DOES = {
    "create_campaign": (lambda shop, cast: shop.post("/campaigns", plain(cast)), "campaign_made"),
    "patch_campaign": (
        lambda shop, cast: shop.patch(f"/campaigns/cmp_{cast.anywhere}", {"name": "Winter"}),
        "campaign_changed",
    ),
    "add_partner": (lambda shop, _cast: shop.post("/partners", {"name": "East"}), "partner_added"),
    "patch_partner": (
        lambda shop, cast: shop.patch(f"/partners/{cast.north_partner}", {"name": "Northern"}),
        "partner_renamed",
    ),
    "close_partner": (lambda shop, cast: shop.post(f"/partners/{cast.north_partner}/close"), "partner_closed"),
    "close_store": (lambda shop, cast: shop.post(f"/stores/{cast.north}/close"), "store_closed"),
    "reopen_partner": (lambda shop, cast: reopened(shop, f"/partners/{cast.north_partner}"), "partner_reopened"),
    "reopen_store": (lambda shop, cast: reopened(shop, f"/stores/{cast.north}"), "store_reopened"),
    "patch_store": (lambda shop, cast: shop.patch(f"/stores/{cast.north}", {"hours": "9–18"}), "store_changed"),
    "add_store": (
        lambda shop, cast: shop.post(
            "/stores", {"partner": cast.north_partner, "name": "New", "time_zone": "Europe/Moscow"}
        ),
        "store_added",
    ),
    "create_batch": (
        lambda shop, cast: shop.post(f"/campaigns/cmp_{cast.anywhere}/batches", {"count": 2}),
        "batch_asked",
    ),
    "add_endpoint": (
        lambda shop, _cast: shop.post("/webhook-endpoints", {"url": "https://shop.example/hook"}),
        "webhook_added",
    ),
    "patch_endpoint": (
        lambda shop, _cast: shop.patch(endpoint(shop), {"url": "https://shop.example/other"}),
        "webhook_changed",
    ),
    "rotate_secret": (lambda shop, _cast: shop.post(f"{endpoint(shop)}/rotate", {}), "webhook_secret_rotated"),
    "disable_endpoint": (lambda shop, _cast: shop.post(f"{endpoint(shop)}/disable"), "webhook_disabled"),
    "enable_endpoint": (lambda shop, _cast: enabled(shop), "webhook_enabled"),
    "delete_endpoint": (lambda shop, _cast: shop.delete(endpoint(shop)), "webhook_deleted"),
    "resend_events": (resent, "webhook_resent"),
}
# How many entries there are then, where the call needs an earlier one.
ENTRIES = {"reopen_partner": 2, "reopen_store": 2, "enable_endpoint": 3}
ENTRIES |= dict.fromkeys(("patch_endpoint", "rotate_secret", "disable_endpoint", "delete_endpoint", "resend_events"), 2)
# What changes coupons, and stands in their stories.
COUPONS = {"issue_coupon", "void_coupon", "move_home", "refund_order", "say_coupon_again"}
# It needs a restored ledger: tests/recovery/test_orders.py.
RESTORED = {"complete_restore"}


@pytest.fixture
def entries(database):
    return lambda: database.read(noted)


@pytest.fixture
def prefix(cast):
    return api_key_format.parse(cast.shop_key).prefix


def test_every_call_that_changes_something_is_known_here():
    calls = {name.rpartition(".")[2] for name, each in OPERATIONS.items() if each.caller == "shop" and each.keyed}
    assert calls == DOES.keys() | COUPONS | RESTORED


@on_both_databases
@pytest.mark.parametrize("name", DOES)
def test_it_is_written_down(shop, cast, entries, prefix, name):
    call, what = DOES[name]
    answer = call(shop, cast)
    assert answer.status_code in (200, 201, 202), answer.text
    entry = entries()[-1]
    assert len(entries()) == ENTRIES.get(name, 1)
    assert (entry.what, entry.key_prefix, entry.manager_id) == (what, prefix, None)
    assert entry.subject_id == answer.json["id"]


def test_a_retry_is_no_second_change(shop, cast, entries):
    first, again = (shop.post("/partners", {"name": "East"}, "attempt 1") for _ in range(2))
    assert (replayed(again), again.data, len(entries())) == (True, first.data, 1)


def test_what_is_refused_or_changes_nothing_leaves_no_trace(shop, cast, entries):
    address = f"/campaigns/cmp_{cast.anywhere}"
    assert_problem(shop.post("/stores", {"partner": "prt_x", "name": "New", "time_zone": "Europe/Moscow"}), "invalid")
    assert_problem(shop.patch("/campaigns/cmp_999", {"stopped": True}), "not_found")
    same = {name: shop.get(address).json[name] for name in ("name", "undo_minutes")}
    assert shop.patch(address, {**same, "stopped": False}).status_code == 200
    assert not entries()


def test_one_call_may_change_a_campaign_and_stop_it(shop, cast, entries):
    address = f"/campaigns/cmp_{cast.anywhere}"
    shop.patch(address, {"undo_minutes": 5, "stopped": True})
    shop.patch(address, {"stopped": True})
    shop.patch(address, {"stopped": False})
    assert [entry.what for entry in entries()] == ["campaign_changed", "campaign_stopped", "campaign_went_on"]
    assert entries()[0].details["changed"] == {"undo_minutes": ["30", "5"]}


def test_the_words_that_customers_hold_are_kept(shop, cast, entries, coupon):
    offer = shop.get(f"/campaigns/cmp_{cast.anywhere}").json["offer"]
    shop.patch(f"/campaigns/cmp_{cast.anywhere}", {"offer": {"en": {"title": "Half a croissant"}}})
    [entry] = entries()
    assert entry.details["words_before"]["en"]["title"] == offer["en"]["title"]


def test_managers_read_which_program_it_was(shop, cast, office, prefix):
    shop.patch(f"/campaigns/cmp_{cast.anywhere}", {"name": "Winter"})
    shop.post("/partners", {"name": "East"})
    boss = office("shop_manager")
    boss.send("/manager/partners/new", {"name": "West"})
    page = boss.open("/manager/audit").text
    assert page.count(f"web shop, a program ({prefix})</td>") == 2
    assert f'<option value="{prefix}">web shop, a program' in page
    theirs = boss.open(f"/manager/audit?who={prefix}").text
    assert "East" in theirs
    assert "West" not in theirs
    rows = list(reader(StringIO(boss.open(f"/manager/audit.csv?who={prefix}").text.lstrip("\ufeff"))))
    assert {row[1] for row in rows[1:]} == {f"web shop, a program ({prefix})"}


def test_a_partner_s_manager_reads_of_their_stores_alone(shop, cast, office):
    for partner, name in ((cast.north_partner, "Northern quay"), (cast.south_partner, "Southern quay")):
        shop.post("/stores", {"partner": partner, "name": name, "time_zone": "Europe/Moscow"})
    page = office("partner_manager").open("/manager/audit").text
    assert "Northern quay" in page
    assert "Southern quay" not in page


def test_a_key_that_was_rolled_is_the_same_program(client, office, entries, prefix):
    page = office("shop_manager").send(f"/manager/keys/{prefix}/roll", {"hours": "0"}).text
    found = re.search(r"rsk_\w{8}_\w+", page)
    assert found
    assert Program(client, found[0]).post("/partners", {"name": "East"}).status_code == 201
    assert [entry.key_prefix for entry in entries() if entry.what == "partner_added"] == [prefix]
