import json
from datetime import date

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from redeem.domain.terms import AtRisk, HeldOnly, Terms, parse_terms
from redeem.lib.errors import Invalid
from redeem.lib.money import Money
from tests.vectors.of_rules import BAKERY, CINEMA, NORTH, terms

AT_RISK = {"policy": "at_risk", "coupons": 3, "value": 100_000, "hours": 24, "bearer": "issuer"}
RUSSIAN = {"title": "Тёплые носки", "description": "Пара\nв подарок", "terms": "Чек не нужен", "picture": "/p/1.webp"}


class Body(BaseModel):
    """A request's body with terms in it, strict as in the API."""

    model_config = ConfigDict(strict=True)
    terms: Terms


def changed(path: str, value) -> str:
    """The usual terms as JSON, with the value at `a/b/c` replaced."""
    raw = {**terms(), "offline": {"policy": "held_only"}, "undo_minutes": 30}
    *way, last = path.split("/")
    place = raw
    for step in way:
        place = place[step]
    place[last] = value
    return json.dumps(raw)


def pointers(text: str) -> list[str]:
    with pytest.raises(Invalid) as caught:
        parse_terms(text)
    return [each["pointer"] for each in caught.value.extra["errors"]]


def test_terms_are_read_as_they_are_written():
    read = parse_terms(changed("offline", AT_RISK))
    assert read.windows.redeem.first == date(2026, 3, 1)
    assert read.value == Money(amount=35000, currency="RUB")
    assert read.offline == AtRisk.model_validate(AT_RISK)
    assert parse_terms(read.text()) == read


def test_the_order_of_partners_and_stores_does_not_matter():
    one_way, other_way = (parse_terms(changed("partners", named)) for named in ([BAKERY, CINEMA], [CINEMA, BAKERY]))
    assert one_way.text() == other_way.text()


def test_what_is_left_out_has_a_default():
    raw = terms()
    del raw["windows"], raw["v"], raw["partners"]
    read = parse_terms(json.dumps(raw))
    assert (read.v, read.partners, read.offline, read.undo_minutes) == (1, (), HeldOnly(policy="held_only"), 30)
    assert read.windows.redeem.until is None


def test_one_text_is_parsed_once():
    text = changed("undo_minutes", 29)
    assert parse_terms(text) is parse_terms(text)


def test_terms_do_not_change():
    with pytest.raises(ValidationError):
        parse_terms(changed("undo_minutes", 30)).undo_minutes = 5  # type: ignore[misc]


def test_an_offer_may_be_in_many_languages():
    read = parse_terms(
        changed("offer", {"en": {"title": "Warm socks"}, "ru": RUSSIAN, "sr-Latn-RS": {"title": "Čarape"}})
    )
    assert read.offer["ru"].title == "Тёплые носки"
    assert read.text() == parse_terms(read.text()).text()


@pytest.mark.parametrize("raw", [{**terms(), "offline": AT_RISK}, terms(partners=(BAKERY,), stores=())])
def test_a_body_brings_terms_as_json_or_as_a_dictionary(raw):
    assert Body.model_validate_json(json.dumps({"terms": raw})) == Body.model_validate({"terms": raw})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("v", 2),
        ("v", True),
        ("v", "1"),
        ("more", 1),
        ("offer", {}),
        ("offer", None),
        ("offer", {f"a{chr(97 + n)}": {"title": "x"} for n in range(21)}),
        ("offer/en/title", ""),
        ("offer/en/title", "   "),
        ("offer/en/title", "x" * 121),
        ("offer/en/title", "two\nlines"),
        ("offer/en/title", "a null \0"),
        ("offer/en/title", "an escape \x1b[2J"),
        ("offer/en/title", 5),
        ("offer/en/description", "x" * 2001),
        ("offer/en/description", "a bell \x07"),
        ("offer/en/terms", "x" * 4001),
        ("offer/en/terms", "a carriage return \r"),
        ("offer/en/picture", "javascript:alert(1)"),
        ("offer/en/picture", "//elsewhere.example/x.png"),
        ("offer/en/picture", "/\\elsewhere.example/x.png"),
        ("offer/en/picture", "data:image/png;base64,AA"),
        ("offer/en/picture", "https://gift.example/a b.png"),
        ("offer/en/picture", "https://gift.example/" + "x" * 2048),
        ("offer/en/price", 5),
        ("windows/valid_days", 0),
        ("windows/valid_days", 3661),
        ("windows/valid_days", True),
        ("windows/valid_days", 1.5),
        ("windows/redeem/from", "01.03.2026"),
        ("windows/redeem/from", "2026-3-1"),
        ("windows/redeem/from", "2026-02-30"),
        ("windows/redeem/from", "2026-03-01T00:00:00"),
        ("windows/redeem/from", 2251),
        ("windows/redeem/from", "2019-12-31"),
        ("windows/redeem/until", "2199-06-07"),
        ("windows/redeem/until", "٢٠٢٦-٠٣-٠١"),
        ("windows/issue/since", "2026-03-01"),
        ("value/amount", -1),
        ("value/amount", True),
        ("value/amount", 350.5),
        ("value/amount", "350"),
        ("value/amount", 10**15 + 1),
        ("value/currency", "rub"),
        ("value/currency", "RUBL"),
        ("handling_fee", {"amount": -5, "currency": "RUB"}),
        ("funding", "customer"),
        ("undo_minutes", -1),
        ("undo_minutes", 10_081),
        ("undo_minutes", False),
        ("offline/coupons", 3),
        ("partners", ["prt_1"]),
        ("partners", [NORTH]),
        ("partners", BAKERY),
        ("partners", [BAKERY, BAKERY]),
        ("stores", [f"sto_{n:026d}" for n in range(501)]),
        ("stores", None),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_it_refuses_terms_with_a_fault_and_points_at_it(path, value):
    assert any(pointer.startswith("/" + path.split("/")[0]) for pointer in pointers(changed(path, value)))


@pytest.mark.parametrize(
    ("limit", "value"),
    [("coupons", 0), ("coupons", 1001), ("value", 0), ("hours", 169), ("bearer", "us"), ("hours", True)],
)
def test_it_refuses_an_offline_policy_without_bounds(limit, value):
    assert pointers(changed("offline", {**AT_RISK, limit: value})) == [f"/offline/at_risk/{limit}"]


def test_an_offline_policy_at_risk_names_every_limit():
    assert len(pointers(changed("offline", {"policy": "at_risk"}))) == 4


@pytest.mark.parametrize("policy", [{"policy": "always"}, {}, None, "at_risk"])
def test_it_refuses_an_offline_policy_that_it_does_not_know(policy):
    assert pointers(changed("offline", policy)) == ["/offline"]


def test_it_refuses_terms_without_a_store():
    assert pointers(json.dumps(terms(stores=()))) == [""]


def test_it_refuses_a_window_that_ends_before_it_begins():
    assert pointers(json.dumps(terms(redeem=("2026-03-02", "2026-03-01")))) == ["/windows/redeem"]


def test_it_refuses_a_fee_in_another_currency():
    assert pointers(changed("handling_fee", {"amount": 5, "currency": "EUR"})) == [""]


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '{"v":1', "NaN", '"terms"'])
def test_it_refuses_a_text_that_is_not_terms(text):
    assert pointers(text)


def test_it_refuses_a_text_that_is_too_long():
    with pytest.raises(Invalid, match="too long"):
        parse_terms(" " * 1_000_001)


def test_it_names_every_fault_at_once():
    raw = {**terms(), "funding": "x", "undo_minutes": -1}
    assert pointers(json.dumps(raw)) == ["/funding", "/undo_minutes"]


def test_the_largest_terms_allowed_are_taken():
    many = terms(stores=tuple(f"sto_{n:026d}" for n in range(500)))
    longest = {"title": "ё" * 120, "description": "ё" * 2000, "terms": "ё" * 4000, "picture": "https://h/" + "x" * 2038}
    many["offer"] = {f"a{chr(97 + n)}": longest for n in range(20)}
    assert len(parse_terms(json.dumps(many, ensure_ascii=False)).stores) == 500
