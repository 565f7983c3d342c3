"""Names, titles and addresses: one reading, whether a person types them in the office or a program sends them."""

import pytest
from sqlalchemy import select, update

from redeem.db.models.coupons import Campaign
from redeem.db.models.partners import Partner, Store
from tests.web.bodies import calls, replaced
from tests.web.programs import assert_problem

TURNED = "gift\u202egpj.exe"
SPACED, CLEAN = "  Кофе \u00a0 и\u2003чай ", "Кофе и чай"
PLACES = [
    ("create_campaign", ("name",)),
    ("create_campaign", ("offer", "en", "title")),
    ("create_campaign", ("offer", "en", "description")),
    ("create_campaign", ("offer", "en", "terms")),
    ("patch_campaign", ("name",)),
    ("patch_campaign", ("offer", "en", "title")),
    ("issue_coupon", ("order_ref",)),
    ("void_coupon", ("reason",)),
    ("add_partner", ("name",)),
    ("patch_partner", ("name",)),
    ("patch_store", ("name",)),
    ("patch_store", ("address",)),
    ("patch_store", ("hours",)),
    ("add_store", ("name",)),
    ("add_store", ("address",)),
    ("add_store", ("hours",)),
]


@pytest.fixture
def send(shop, cast, coupon):
    def sent(name, place, text):
        call = calls(cast, coupon)[name]
        act = shop.patch if call.method == "PATCH" else shop.post
        return act(call.path.removeprefix("/v1"), replaced(call.body, place, text))

    return sent


@pytest.mark.parametrize("text", [TURNED, "\u2066a\u2069", "a\u200bb", "\ufeffa"])
@pytest.mark.parametrize(("call", "place"), PLACES)
def test_a_program_s_text_turns_nothing_round(send, call, place, text):
    faults = assert_problem(send(call, place, text), "invalid")["errors"]
    assert [fault["pointer"] for fault in faults] == ["/" + "/".join(place)]


@pytest.mark.parametrize("path", ["/manager/partners/new", "/manager/stores/new", "/manager/campaigns/new"])
def test_nor_does_a_person_s(office, database, cast, path):
    form = {"name": TURNED, "partner": cast.north_partner, "time_zone": "Europe/Moscow"}
    assert office("shop_manager").send(path, form).status_code == 422
    for model in (Partner, Store, Campaign):
        assert TURNED not in database.read(lambda session, model=model: session.scalars(select(model.name)).all())


def test_a_program_s_names_are_cleaned_as_a_person_s_are(send, office, database, cast):
    assert send("add_partner", ("name",), SPACED).json["name"] == CLEAN
    for place in ("name", "address", "hours"):
        assert send("add_store", (place,), SPACED).json[place] == CLEAN
    assert send("create_campaign", ("name",), SPACED).json["name"] == CLEAN
    assert send("patch_campaign", ("name",), SPACED).json["name"] == CLEAN
    assert send("create_campaign", ("offer", "en", "title"), SPACED).json["offer"]["en"]["title"] == CLEAN
    manager = office("shop_manager")
    manager.send("/manager/partners/new", {"name": SPACED})
    store = {
        "partner": cast.north_partner,
        "name": SPACED,
        "time_zone": "Europe/Moscow",
        "address": SPACED,
        "hours": SPACED,
    }
    manager.send("/manager/stores/new", store)
    partners, stores = (
        database.read(lambda s, m=model: s.scalars(select(m).where(m.name == CLEAN)).all())
        for model in (Partner, Store)
    )
    assert (len(partners), len(stores)) == (2, 2)
    assert (stores[-1].address, stores[-1].hours) == (CLEAN, CLEAN)
    assert send("patch_partner", ("name",), SPACED).json["name"] == CLEAN
    for place in ("name", "address", "hours"):
        assert send("patch_store", (place,), SPACED).json[place] == CLEAN


def test_a_retry_of_a_name_that_was_cleaned_is_a_retry(shop):
    first, again = (shop.post("/partners", {"name": SPACED}, "one") for _ in range(2))
    assert (first.status_code, again.data, again.headers["Idempotent-Replayed"]) == (201, first.data, "true")


def test_a_coupon_of_a_title_that_an_earlier_version_took_stays_good(shop, north, database, cast, coupon):
    def turn(session):
        terms = session.scalar(select(Campaign.terms).where(Campaign.number == cast.anywhere))
        turned = terms.replace('"title":"', '"title":"\u202e', 1)
        assert turned != terms
        session.execute(update(Campaign).where(Campaign.number == cast.anywhere).values(terms=turned))

    database.write(turn)
    assert "\u202e" not in shop.get(f"/campaigns/cmp_{cast.anywhere}").text
    assert shop.patch(f"/campaigns/cmp_{cast.anywhere}", {"stopped": True}).status_code == 200
    assert north.redeem(coupon.token).status_code == 201
