"""Partners, stores and clerks; and names that try to be something else."""

import re

import pytest

from redeem.db.models.devices import Clerk
from redeem.db.models.partners import Partner, Store
from redeem.lib import passwords
from tests import factories
from tests.cast import PIN
from tests.factories import all_of, noted

PAYLOADS = [
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    "</title><svg/onload=alert(1)>",
    "{{ 7 * 7 }}",
    "${alert(1)}",
    "javascript:alert(1)",
    '=HYPERLINK("http://evil.example","x")',
    "&lt;script&gt;",
    "%(name)s %s {0}",
]
PAGES = (
    "/",
    "/stores",
    "/stores/new",
    "/devices",
    "/devices/new",
    "/coupons",
    "/audit",
    "/sessions",
    "/keys",
    "/partners/new",
)


def test_a_partner_and_its_first_store_are_added(office, database):
    manager = office("shop_manager")
    there = manager.send("/manager/partners/new", {"name": "  East   Tea "}).headers["Location"]
    [partner] = [row for row in database.read(lambda db: all_of(db, Partner)) if row.name == "East Tea"]
    assert there == f"/manager/stores/new?partner={partner.id}"
    assert f'value="{partner.id}" selected' in manager.open(there).text
    form = {"partner": partner.id, "name": "East, by the sea", "time_zone": "Asia/Vladivostok", "address": "Pier 1"}
    assert manager.send("/manager/stores/new", form).status_code == 303
    [store] = [row for row in database.read(lambda db: all_of(db, Store)) if row.partner_id == partner.id]
    assert (store.name, store.time_zone, store.address, store.hours) == (
        "East, by the sea",
        "Asia/Vladivostok",
        "Pier 1",
        "",
    )
    assert [entry.what for entry in database.read(noted)] == [
        "partner_added",
        "store_added",
    ]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"time_zone": "Mars/Olympus"}, "Name the store&#39;s time zone."),
        ({"time_zone": "localtime"}, "Name the store&#39;s time zone."),
        ({"time_zone": ""}, "Fill this in."),
        ({"partner": "prt_01J00000000000000000000000"}, "Name an existing partner."),
        ({"name": "😀" * 40_000}, "Write less."),
        ({"address": "x" * 401}, "Write less."),
        ({"hours": "x" * 201}, "Give a name of 1 to 200 characters on one line."),
    ],
)
def test_a_store_that_can_t_be_is_said_so(office, cast, database, changed, words):
    form = {"partner": cast.north_partner, "name": "New", "time_zone": "Europe/Moscow"} | changed
    answer = office("shop_manager").send("/manager/stores/new", form)
    assert answer.status_code == 422
    assert words in answer.text
    assert len(database.read(lambda db: all_of(db, Store))) == 3


def test_a_clerk_is_added_and_leaves(office, cast, database):
    manager = office("store_manager")
    page = f"/manager/stores/{cast.north}"
    assert manager.send(f"{page}/clerks", {"name": "Vera", "pin": "2580"}).status_code == 303
    assert "Vera can unlock this store&#39;s tablets now." in manager.open(page).text
    [vera] = [row for row in database.read(lambda db: all_of(db, Clerk)) if row.name == "Vera"]
    assert passwords.verify(vera.pin_hash, "2580")
    assert manager.send(f"/manager/clerks/{vera.id}/leave").headers["Location"] == page
    assert database.read(lambda db: db.get(Clerk, vera.id)).left_at
    manager.open(page)  # says that it was done
    assert "Vera" not in manager.open(page).text


@pytest.mark.parametrize("pin", ["", "123", "123456789", "1234", "0000", "4321", "1212", "12a4", "１２５８", "2 58 0"])
def test_a_pin_that_anyone_would_try_is_refused_and_never_shown(office, cast, database, pin):
    answer = office("store_manager").send(f"/manager/stores/{cast.north}/clerks", {"name": "Vera", "pin": pin})
    assert answer.status_code == 422
    assert 'value="Vera"' in answer.text
    assert not pin or f'value="{pin}"' not in answer.text
    assert len(database.read(lambda db: all_of(db, Clerk))) == 2


def test_no_pin_and_no_hash_is_in_the_log_of_changes(office, cast, database):
    office("store_manager").send(f"/manager/stores/{cast.north}/clerks", {"name": "Vera", "pin": "2580"})
    [entry] = database.read(noted)
    assert entry.details == {"name": "Vera", "store": "North, on the square"}
    page = office("shop_manager").open("/manager/audit").text
    assert "argon2" not in page
    # Whole words: four digits in a row also stand in an id now and then.
    assert not {"2580", PIN} & set(re.findall(r"\w+", page))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_name_is_text_on_every_page(office, cast, database, payload):
    """Each page shows the partner, its store, its device, its clerk and its campaign, all of this name."""
    manager, name = office("shop_manager"), payload[:80]

    def named(db):
        partner = factories.partner(db, name)
        store = factories.store(db, partner.id, name)
        offer = {"en": {"title": payload, "description": payload, "terms": payload}}
        factories.campaign(db, name, stores=[store.id], offer=offer)
        return store

    store = database.write(named)
    manager.send("/manager/devices/new", {"kind": "till", "store": store.id, "name": name})
    manager.send(f"/manager/stores/{store.id}/clerks", {"name": name, "pin": "2580"})
    manager.send("/manager/keys/new", {"name": name, "scopes": ["read"]})
    texts = [manager.open(f"/manager{page}") for page in (*PAGES, f"/stores/{store.id}", f"/coupons?q={payload}")]
    texts.append(manager.send("/manager/partners/new", {"name": payload + "x" * 200}))
    for answer in texts:
        assert answer.status_code in (200, 422)
        for raw in ("<script>alert", "<img src=x", "<svg/onload", ">49<"):
            assert raw not in answer.text
        assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]


def test_an_empty_office_says_where_to_begin(office, cast, database):
    text = office("partner_manager").open("/manager/stores").text
    assert "North Coffee" in text
    assert "Add a partner" not in text
    assert "Add a partner" in office("shop_manager").open("/manager/stores").text
