"""Campaigns in the office: made, changed within what was promised, never lost while they are written."""

from html import unescape

import pytest

from redeem.db.models.coupons import Campaign
from redeem.domain.terms import parse_terms
from redeem.web.manager.previews import SAMPLE_CODE, SAMPLE_TOKEN
from tests import factories
from tests.cast import AT_RISK
from tests.databases import on_both_databases
from tests.factories import all_of, noted
from tests.web.plans import faults, filled

NEW = "/manager/campaigns/new"
FORMULA = '=HYPERLINK("https://evil.example","free")'
EMOJI = "🎁" * 40_000


def campaigns_of(database):
    return database.read(lambda db: [(row.name, row.version, row.terms) for row in all_of(db, Campaign)])


def audit_of(database):
    return database.read(lambda db: [(row.what, row.details) for row in noted(db)])


def edit(cast):
    return f"/manager/campaigns/cmp_{cast.anywhere}/edit"


def as_it_is(cast, **changes):
    """The form of the cast's campaign as its page shows it."""
    plain = filled(
        cast,
        name="Autumn gifts",
        version="1",
        campaign=f"cmp_{cast.anywhere}",
        title_en="A free cappuccino",
        description_en="",
        terms_en="One for each order.",
        title_ru="Капучино в подарок",
        terms_ru="Один на заказ.",
        partners=[cast.north_partner, cast.south_partner],
        stores=None,
        redeem_until="",
        valid_days="",
        value="350.00",
        handling_fee="15.00",
        policy="at_risk",
        coupons=str(AT_RISK["coupons"]),
        risk_value="10000000000.00",
        hours=str(AT_RISK["hours"]),
        bearer=AT_RISK["bearer"],
    )
    return {name: value for name, value in (plain | changes).items() if value is not None}


@on_both_databases
def test_a_campaign_is_made_with_all_its_terms(office, cast, database):
    risk = {"policy": "at_risk", "coupons": "3", "risk_value": "1 050,00", "hours": "8", "bearer": "partner"}
    answer = office("shop_manager").send(NEW, filled(cast, **risk))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/manager/campaigns/cmp_3")
    name, version, text = campaigns_of(database)[-1]
    terms = parse_terms(text)
    assert (name, version) == ("Winter gifts", 1)
    assert (terms.value.amount, terms.handling_fee.amount, terms.value.currency) == (35_050, 1_500, "RUB")
    assert terms.offer["en"].terms == "One for each order.\nNot with other offers."
    assert terms.offer["ru"].title == "Тёплый круассан"
    assert (terms.partners, terms.stores) == ((cast.north_partner,), (cast.south,))
    assert (str(terms.windows.redeem.until), terms.windows.valid_days) == ("2030-01-31", 30)
    assert terms.offline.model_dump() == {
        "policy": "at_risk",
        "coupons": 3,
        "value": 105_000,
        "hours": 8,
        "bearer": "partner",
    }
    assert audit_of(database)[-1] == ("campaign_made", {"name": "Winter gifts"})


def test_a_double_click_makes_one_campaign(office, cast, database):
    manager = office("shop_manager")
    first, second = (manager.send(NEW, filled(cast)).headers["Location"] for _ in range(2))
    assert first == second
    assert len(campaigns_of(database)) == 3


def test_another_campaign_may_be_called_the_same(office, cast, database):
    manager = office("shop_manager")
    manager.send(NEW, filled(cast))
    manager.send(NEW, filled(cast, value="100"))
    assert len(campaigns_of(database)) == 4


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"title_en": "", "title_ru": ""}, "title_en"),
        ({"title_en": "x" * 121}, "title_en"),
        ({"title_en": EMOJI[:200]}, "title_en"),
        ({"title_en": "one\u0001"}, "title_en"),
        ({"terms_ru": "x" * 4001}, "terms_ru"),
        ({"picture_en": "javascript:alert(1)"}, "picture_en"),
        ({"partners": None, "stores": None}, "places"),
        ({"stores": ["sto_01J00000000000000000000000"]}, "places"),
        ({"partners": ["nonsense"]}, "places"),
        ({"redeem_until": "31.01.2030"}, "redeem_until"),
        ({"redeem_from": "2031-01-01"}, "redeem_until"),
        ({"issue_from": "1999-01-01"}, "issue_from"),
        ({"issue_from": "2030-02-02", "issue_until": "2030-02-01"}, "issue_until"),
        ({"valid_days": "0"}, "valid_days"),
        ({"valid_days": "٣"}, "valid_days"),
        ({"value": ""}, "value"),
        ({"value": "1.234,50"}, "value"),
        ({"value": "3.505"}, "value"),
        ({"value": "-1"}, "value"),
        ({"value": "9" * 20}, "value"),
        ({"handling_fee": "a lot"}, "handling_fee"),
        ({"currency": "rubles"}, "currency"),
        ({"currency": "ZZZ"}, "currency"),
        ({"funding": "nobody"}, "funding"),
        ({"funding": None}, "funding"),
        ({"policy": "always"}, "policy"),
        ({"policy": "at_risk", "coupons": "0", "risk_value": "1", "hours": "8", "bearer": "issuer"}, "coupons"),
        ({"policy": "at_risk", "coupons": "1", "risk_value": "0", "hours": "8", "bearer": "issuer"}, "risk_value"),
        ({"policy": "at_risk", "coupons": "1", "risk_value": "1", "hours": "999", "bearer": "issuer"}, "hours"),
        ({"policy": "at_risk", "coupons": "1", "risk_value": "1", "hours": "8"}, "bearer"),
        ({"undo_minutes": "soon"}, "undo_minutes"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(office, cast, database, changes, field):
    form = filled(cast, description_en="Do not lose this.", **changes)
    answer = office("shop_manager").send(NEW, form)
    assert answer.status_code == 422
    assert list(faults(answer.text)) == [field]
    assert "Do not lose this." in answer.text
    typed = form.get(field) if field not in ("funding", "policy") else None
    assert not isinstance(typed, str) or typed.strip() == "" or typed in unescape(answer.text)
    assert len(campaigns_of(database)) == 2


def test_several_faults_are_said_at_once(office, cast):
    form = filled(cast, name="", value="much", redeem_until="never", title_en="", title_ru="")
    assert list(faults(office("shop_manager").send(NEW, form).text)) == ["name", "title_en", "redeem_until", "value"]


@pytest.mark.parametrize("word", [FORMULA, "<script>alert(1)</script>", "'; DROP TABLE campaign"])
def test_hostile_words_stay_words(office, cast, database, word):
    manager = office("shop_manager")
    address = manager.send(NEW, filled(cast, title_en=word)).headers["Location"]
    assert parse_terms(campaigns_of(database)[-1][2]).offer["en"].title == word
    for page in (address, f"{address}/edit"):
        text = manager.open(page).text
        assert "<script>alert" not in text
        assert word in unescape(text)


def test_forty_thousand_emoji_are_told_to_be_fewer_and_are_still_there(office, cast):
    answer = office("shop_manager").send(NEW, filled(cast, terms_en=EMOJI[:30_000]))
    assert faults(answer.text) == {"terms_en": "Write at most 4000 characters."}
    assert EMOJI[:30_000] in answer.text


def test_the_form_says_again_what_the_campaign_says(office, cast, database):
    manager = office("shop_manager")
    before = campaigns_of(database)
    answer = manager.send(edit(cast), as_it_is(cast))
    assert answer.status_code == 303
    assert campaigns_of(database) == before
    assert audit_of(database) == []


def test_a_draft_may_change_wholly(office, cast, database):
    changes = {"name": "Spring", "value": "2", "currency": "EUR", "partners": [cast.south_partner], "title_en": "Tea"}
    assert office("shop_manager").send(edit(cast), as_it_is(cast, **changes)).status_code == 303
    name, version, text = campaigns_of(database)[0]
    terms = parse_terms(text)
    assert (name, version, terms.value.amount, terms.value.currency) == ("Spring", 2, 200, "EUR")
    assert terms.partners == (cast.south_partner,)
    what, details = audit_of(database)[-1]
    assert what == "campaign_changed"
    assert {"name", "offer.en.title", "partners", "value.amount", "value.currency"} <= details["changed"].keys()
    assert details["changed"]["name"] == ["Autumn gifts", "Spring"]
    assert details["changed"]["offer.en.title"] == ["A free cappuccino", "Tea"]
    both = ", ".join(sorted([cast.north_partner, cast.south_partner]))
    assert details["changed"]["partners"] == [both, cast.south_partner]


def test_the_audit_log_tells_what_became_what_and_shortens_long_texts(office, cast, database):
    hostile = '=HYPERLINK("http://evil.example") ' + "😀" * 400
    changes = {"issue_until": "2030-01-31", "terms_en": hostile}
    manager = office("shop_manager")
    assert manager.send(edit(cast), as_it_is(cast, **changes)).status_code == 303
    changed = audit_of(database)[-1][1]["changed"]
    assert changed["windows.issue.until"] == ["", "2030-01-31"]
    assert changed["offer.en.terms"][1] == f"{hostile[:79]}…"
    assert changed.keys() == {"windows.issue.until", "offer.en.terms"}
    page = manager.open("/manager/audit").text
    assert "<ins>2030-01-31</ins>" in page
    assert "HYPERLINK(&#34;" in page
    assert "Terms (en): <del>" in page
    assert "Coupons are issued until: <del>" in page
    assert "Terms (en): =HYPERLINK" in manager.open("/manager/audit.csv").text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"value": "1"}, "value"),
        ({"handling_fee": "99"}, "handling_fee"),
        ({"funding": "partner"}, "funding"),
        ({"redeem_from": "2029-01-01"}, "redeem_from"),
        ({"partners": None, "stores": ["NORTH"]}, "places"),
        ({"policy": "at_risk", "coupons": "1", "risk_value": "1", "hours": "1", "bearer": "partner"}, "bearer"),
    ],
)
def test_what_holders_and_partners_were_promised_stays(office, cast, database, coupon, changes, field):
    changes |= {"stores": [cast.north]} if changes.get("stores") else {}
    answer = office("shop_manager").send(edit(cast), as_it_is(cast, **changes))
    assert answer.status_code == 422
    assert faults(answer.text) == {field: "Coupons were issued with this, so it can't change."}
    assert "copy=cmp_1" in answer.text
    assert campaigns_of(database)[0][1] == 1


def test_words_that_are_out_change_only_if_the_manager_says_they_promise_no_less(office, cast, database, coupon):
    manager, changed = office("shop_manager"), as_it_is(cast, title_en="A free flat white")
    answer = manager.send(edit(cast), changed)
    assert list(faults(answer.text)) == ["promises_no_less"]
    assert "A free flat white" in answer.text
    assert manager.send(edit(cast), changed | {"promises_no_less": "yes"}).status_code == 303
    assert audit_of(database)[-1][1]["words_before"]["en"]["title"] == "A free cappuccino"


def test_a_language_or_a_picture_is_added_without_a_word(office, cast, database, coupon):
    added = {"picture_en": "/static/demo/coffee.svg", "picture_ru": "/static/demo/coffee.svg"}
    assert office("shop_manager").send(edit(cast), as_it_is(cast, **added)).status_code == 303


def test_a_language_that_the_form_does_not_know_is_kept(office, cast, database):
    offer = {"de": {"title": "Ein Kaffee", "terms": "Einer."}, "en": {"title": "A coffee"}}
    number = database.write(
        lambda db: factories.campaign(db, "German", partners=[cast.north_partner], offer=offer).number
    )
    manager = office("shop_manager")
    assert "Ein Kaffee" in manager.open(f"/manager/campaigns/cmp_{number}/edit").text
    form = filled(cast, version="1", title_ru="", title_de="Ein Kaffee", terms_de="Einer.")
    assert manager.send(f"/manager/campaigns/cmp_{number}/edit", form).status_code == 303
    assert list(parse_terms(campaigns_of(database)[-1][2]).offer) == ["en", "de"]


def test_two_tabs_the_second_to_save_hears_of_the_first_and_loses_nothing(office, cast, database):
    manager = office("shop_manager")
    assert manager.send(edit(cast), as_it_is(cast, valid_days="20")).status_code == 303
    answer = manager.send(edit(cast), as_it_is(cast, valid_days="40"))
    assert answer.status_code == 422
    assert "Somebody changed this while you wrote" in answer.text
    assert 'name="version" value="2"' in answer.text
    assert 'value="40"' in answer.text
    assert manager.send(edit(cast), as_it_is(cast, valid_days="40", version="2")).status_code == 303
    assert parse_terms(campaigns_of(database)[0][2]).windows.valid_days == 40


def test_a_copy_begins_with_all_that_the_original_says(office, cast, coupon):
    text = office("shop_manager").open(f"{NEW}?copy=cmp_{cast.anywhere}").text
    assert 'value="Autumn gifts, a copy"' in text
    assert 'value="A free cappuccino"' in text
    assert 'name="version"' not in text
    assert "promises_no_less" not in text


def test_a_preview_changes_nothing_and_shows_what_is_typed(office, cast, database):
    before = campaigns_of(database)
    form = filled(cast, at_store=cast.south, preview_language="ru")
    said = office("shop_manager").send("/manager/campaigns/preview", form, headers={"Accept": "application/json"}).json
    assert "Тёплый круассан" in said["customer"]
    assert "Тёплый круассан" in said["coupon"]
    assert "Образец" in said["customer"]
    assert '"code": "good"' in said["clerk"]
    assert "South, by the river" in said["verdict"]
    assert said["unfinished"] is False
    assert campaigns_of(database) == before


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redeem_from": "2029-06-01", "at_date": "2029-05-31"}, "not_yet_valid"),
        ({"redeem_until": "2029-06-01", "valid_days": "", "at_date": "2029-06-02"}, "expired"),
        ({"redeem_until": "2029-06-01", "valid_days": "", "at_date": "2029-06-01", "at_time": "23:59"}, "good"),
        ({"network": "offline"}, "offline"),
        (
            {
                "network": "offline",
                "policy": "at_risk",
                "coupons": "1",
                "risk_value": "1",
                "hours": "1",
                "bearer": "issuer",
            },
            "at_risk",
        ),
    ],
)
def test_the_clerk_s_screen_is_that_of_the_place_and_time(office, cast, changes, code):
    form = filled(cast, **changes)
    said = office("shop_manager").send("/manager/campaigns/preview", form, headers={"Accept": "application/json"}).json
    assert f'"code": "{code}"' in said["clerk"]


def test_a_preview_can_be_drawn_of_anything_half_written(office, cast):
    manager = office("shop_manager")
    for form in (
        {},
        {"title_en": "x" * 999},
        filled(cast, value="?", currency="", policy="?", at_date="x", at_time="99"),
    ):
        said = manager.send("/manager/campaigns/preview", form, headers={"Accept": "application/json"})
        assert said.status_code == 200
        assert said.json["unfinished"] is True


def test_without_a_script_the_preview_is_the_form_with_what_was_typed(office, cast):
    answer = office("shop_manager").send("/manager/campaigns/preview", filled(cast, title_en="Half-written"))
    assert answer.status_code == 200
    assert 'value="Half-written"' in answer.text
    assert "Half-written" in unescape(answer.text.partition('data-part="customer"')[2])
    assert faults(answer.text) == {}


def test_a_sample_is_no_coupon_anywhere(office, cast, north, client):
    said = office("shop_manager").send(
        "/manager/campaigns/preview", filled(cast), headers={"Accept": "application/json"}
    )
    assert SAMPLE_CODE[:4] in said.json["coupon"]
    assert north.verify(SAMPLE_TOKEN) == "unknown_coupon"
    assert north.redeem(SAMPLE_TOKEN).json["code"] == "unknown_coupon"
    assert north.redeem(SAMPLE_CODE).status_code in (404, 422)
    assert client.get(f"/c/{SAMPLE_TOKEN}").status_code == 404


def test_a_partner_sees_its_campaigns_and_only_its_own_stores(office, cast, database, coupon):
    south_only = database.write(lambda db: factories.campaign(db, "South only", stores=[cast.south]).number)
    manager = office("partner_manager")
    listed = manager.open("/manager/campaigns").text
    assert "North only" in listed
    assert "South only" not in listed
    assert "Coupons issued" not in listed
    page = manager.open(f"/manager/campaigns/cmp_{cast.anywhere}").text
    assert "North, on the square" in page
    assert "South, by the river" not in page
    assert manager.open(f"/manager/campaigns/cmp_{south_only}").status_code == 404
    assert manager.open(edit(cast)).status_code == 403


def test_an_issued_coupon_does_what_the_preview_said(office, cast, shop, north, south):
    manager = office("shop_manager")
    form = filled(cast, partners=[cast.north_partner], stores=None, at_store=cast.north)
    said = manager.send("/manager/campaigns/preview", form, headers={"Accept": "application/json"}).json
    assert '"code": "good"' in said["clerk"]
    campaign_id = manager.send(NEW, form).headers["Location"].rpartition("/")[2]
    issued = shop.post("/coupons", {"campaign": campaign_id}).json
    assert north.verify(issued["token"]) == "good"
    assert south.verify(issued["token"]) == "wrong_store"
