"""POST /v1/redemptions: a till redeems a coupon, once."""

from hashlib import sha256
from json import dumps

import pytest
from sqlalchemy import update

from redeem.db.models.ledger import Act, Redemption
from redeem.db.models.managers import Throttle
from redeem.domain import short_codes
from redeem.lib.encoding import base64url
from redeem.web.declines import DECLINES
from tests import factories
from tests.databases import on_both_databases
from tests.factories import all_of
from tests.vectors.of_codes import RUSSIAN
from tests.vectors.of_tokens import TEXT
from tests.vectors.read import vectors
from tests.web.programs import assert_problem, replayed


@on_both_databases
def test_a_good_coupon_is_redeemed(north, cast, coupon):
    response = north.redeem(coupon.token)
    assert response.status_code == 201
    told = response.json
    assert told["object"] == "redemption"
    assert told["id"].startswith("rdm_")
    assert (told["coupon"], told["campaign"]) == (coupon.id, f"cmp_{cast.anywhere}")
    assert told["store"] == {"id": cast.north, "name": "North, on the square"}
    assert told["device"] == {"id": cast.north_till_id, "name": "north till"}
    assert told["redeemed_at"].endswith("Z")
    assert not replayed(response)


def test_a_short_code_redeems_as_a_scan_does(north, coupon):
    response = north.post("/redemptions", {"short_code": short_codes.grouped(coupon.short_code).lower()})
    assert (response.status_code, response.json["coupon"]) == (201, coupon.id)


def test_a_scanned_link_redeems_whatever_the_scanner_adds(north, coupon):
    assert north.redeem(f"\\000026HTTPS://ANY.EXAMPLE/C/{coupon.token}\r\n").status_code == 201


@on_both_databases
def test_the_same_attempt_gets_the_same_answer(north, coupon):
    first, again = (north.redeem(coupon.token, "till-4-000017") for _ in range(2))
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert (replayed(first), replayed(again)) == (False, True)


def test_a_quoted_key_is_the_same_as_a_bare_one(north, coupon):
    first, again = north.redeem(coupon.token, "till-4-000017"), north.redeem(coupon.token, '"till-4-000017"')
    assert again.data == first.data


def test_another_attempt_hears_when_and_where_it_was_given(north, cast, coupon):
    first = north.redeem(coupon.token).json
    assert_problem(
        north.redeem(coupon.token),
        "already_redeemed",
        coupon=coupon.id,
        redeemed_at=first["redeemed_at"],
        store={"id": cast.north, "name": "North, on the square"},
        device={"id": cast.north_till_id, "name": "north till"},
    )


def test_another_store_of_the_same_partner_hears_it_too(north, annex, cast, coupon):
    north.redeem(coupon.token)
    assert assert_problem(annex.redeem(coupon.token), "already_redeemed")["store"]["id"] == cast.north


def test_another_partner_hears_when_and_nothing_else(north, south, coupon):
    first = north.redeem(coupon.token).json
    problem = assert_problem(south.redeem(coupon.token), "already_redeemed", redeemed_at=first["redeemed_at"])
    assert problem.keys() == {
        *("type", "title", "status", "detail", "code", "request_id"),
        *("coupon", "redeemed_at"),
    }


def test_a_decline_is_repeated_to_a_retry(north, north_two, coupon):
    north.redeem(coupon.token)
    first, again = (north_two.redeem(coupon.token, "the-same") for _ in range(2))
    assert replayed(again)
    assert first.json | {"request_id": ""} == again.json | {"request_id": ""}


def test_the_same_attempt_with_another_coupon_is_refused(north, issue, cast):
    one, other = issue(cast.anywhere), issue(cast.anywhere)
    north.redeem(one.token, "attempt")
    assert_problem(north.redeem(other.token, "attempt"), "idempotency_key_reused")
    assert north.verify(other.token) == "good"


def test_two_tills_may_use_the_same_name_for_their_attempts(north, south, issue, cast):
    assert north.redeem(issue(cast.anywhere).token, "1").status_code == 201
    assert south.redeem(issue(cast.anywhere).token, "1").status_code == 201


def test_a_void_coupon_is_declined(north, database, coupon):
    database.write(lambda session: factories.void(session, coupon))
    assert_problem(north.redeem(coupon.token), "void", coupon=coupon.id)


def test_a_coupon_of_other_stores_is_declined(south, issue, cast):
    assert_problem(south.redeem(issue(cast.north_only).token), "wrong_store")


def test_a_coupon_of_next_week_is_declined(north, database, issue, cast):
    windows = {"redeem": {"from": "2199-01-01"}}
    number = database.write(lambda s: factories.campaign(s, partners=[cast.north_partner], windows=windows)).number
    assert_problem(north.redeem(issue(number).token), "not_yet_valid")


def test_a_coupon_of_last_year_is_declined(north, database, cast):
    past = factories.NOW - 400 * 86_400_000
    number = database.write(
        lambda s: factories.campaign(s, partners=[cast.north_partner], windows={"valid_days": 5})
    ).number
    old = database.write(lambda s: factories.coupon(s, number, now=past))
    assert_problem(north.redeem(old.token), "expired", coupon=old.id)


@pytest.fixture
def strangers(coupon, database, cast):
    """Texts that are no coupon of ours: forged, foreign, unknown, nonsense."""
    forged = coupon.token[:-1] + ("0" if coupon.token[-1] != "0" else "1")
    unknown = database.write(lambda s: factories.token_of(s, serial=cast.anywhere << 32 | 4_000_000))
    return {"forged": forged, "unknown": unknown, "nonsense": "a shopping list", "empty": "", "long": "9" * 600}


def test_strangers_are_told_apart_by_nobody(north, strangers):
    answers = [north.redeem(text) for text in strangers.values()]
    problems = [assert_problem(answer, "unknown_coupon") for answer in answers]
    assert len({str(problem | {"request_id": ""}) for problem in problems}) == 1
    assert len({str(sorted(name for name, _ in answer.headers)) for answer in answers}) == 1


def test_a_stranger_is_recorded_as_an_attempt(north, database, strangers, cast):
    north.redeem(strangers["forged"], "probe")
    (act,) = database.read(lambda session: all_of(session, Act))
    assert (act.device_id, act.name, act.code, act.serial) == (cast.north_till_id, "probe", "unknown_coupon", None)


def test_a_mistyped_short_code_is_said_to_be_mistyped(north, coupon):
    wrong = coupon.short_code[:-1] + ("0" if coupon.short_code[-1] != "0" else "1")
    assert_problem(north.post("/redemptions", {"short_code": wrong}), "bad_short_code")


def test_short_codes_can_not_be_tried_one_after_the_other(north, north_two, coupon):
    tries = [north.post("/redemptions", {"short_code": short_codes.new_code()}) for _ in range(6)]
    assert [each.json["code"] for each in tries] == ["unknown_coupon"] * 5 + ["too_many"]
    seconds = int(tries[-1].headers["Retry-After"])
    assert 0 < seconds <= 15
    assert tries[-1].headers["RateLimit"] == f'"guesses";r=0;t={seconds}'
    assert tries[-1].headers["RateLimit-Policy"] == '"guesses";q=5;w=1800'
    assert_problem(north.post("/verifications", {"short_code": coupon.short_code}), "too_many")
    assert north.redeem(coupon.token).status_code == 201  # a scan is no guess
    assert north_two.post("/verifications", {"short_code": coupon.short_code}).json["verdict"] == "already_redeemed"


@pytest.mark.parametrize("body", [{}, {"token": "1", "short_code": "2"}, {"token": None}, {"token": 7}, [], "x"])
def test_a_body_of_another_shape_changes_nothing(north, database, body):
    assert_problem(north.post("/redemptions", body), "invalid")
    assert database.read(lambda session: all_of(session, Act)) == []


def test_an_attempt_needs_a_name(client, north, coupon, database):
    response = client.post("/v1/redemptions", json={"token": coupon.token}, headers=north.headers)
    assert_problem(response, "idempotency_key_missing")
    assert database.read(lambda session: all_of(session, Redemption)) == []


def test_every_decline_has_its_words(app):
    document = app.test_client().get("/v1/openapi.json").json
    told = str(document["paths"]["/v1/redemptions"]["post"]["responses"])
    assert [code for code in DECLINES if f"`{code}`" not in told] == []


@on_both_databases
def test_a_coupon_s_link_and_its_digits_are_the_same_request(north, coupon, issue, cast):
    first = north.redeem(f"https://gift.example/c/{coupon.token}", "one")
    spellings = [
        case["text"].replace(TEXT, coupon.token) for case in vectors("names")["names"] if case["names"] == TEXT
    ]
    assert len(spellings) >= 8
    for written in (f" {coupon.token}\r\n", *spellings):
        again = north.redeem(written, "one")
        assert (again.status_code, again.data, replayed(again)) == (201, first.data, True)
    assert_problem(north.redeem(issue(cast.anywhere).token, "one"), "idempotency_key_reused")


@on_both_databases
def test_a_typed_code_is_the_same_request_however_it_is_typed(north, coupon, issue, cast):
    first = north.post("/redemptions", {"short_code": coupon.short_code}, "one")
    grouped = short_codes.grouped(coupon.short_code)
    for written in (grouped.lower(), grouped.translate(RUSSIAN), f"\ufeff{coupon.short_code}\u00a0"):
        again = north.post("/redemptions", {"short_code": written}, "one")
        assert (first.status_code, again.data, replayed(again)) == (201, first.data, True)
    other = issue(cast.anywhere).short_code
    assert_problem(north.post("/redemptions", {"short_code": other}, "one"), "idempotency_key_reused")


@on_both_databases
def test_a_code_and_a_token_are_two_requests_even_of_one_coupon(north, coupon):
    assert north.redeem(coupon.token, "one").status_code == 201
    assert_problem(north.post("/redemptions", {"short_code": coupon.short_code}, "one"), "idempotency_key_reused")
    assert replayed(north.redeem(f"{coupon.token}/", "one"))


def test_what_names_nothing_is_another_request_for_each_text(north):
    assert_problem(north.redeem("4006381333931", "one"), "unknown_coupon")
    assert replayed(north.redeem("4006381333931", "one"))
    assert_problem(north.redeem("4006381333932", "one"), "idempotency_key_reused")


def test_an_attempt_that_was_kept_by_the_text_of_its_body_is_still_known(north, database, coupon):
    """As version 0.2 kept it."""
    sent = {"token": f"https://gift.example/c/{coupon.token}"}
    said = f"POST\0/v1/redemptions\0{dumps(sent, sort_keys=True)}".encode()
    first = north.post("/redemptions", sent, "one")
    database.write(lambda session: session.execute(update(Act).values(fingerprint=base64url(sha256(said).digest()))))
    again = north.post("/redemptions", sent, "one")
    assert (again.data, replayed(again)) == (first.data, True)
    assert_problem(north.post("/redemptions", {"token": "1"}, "one"), "idempotency_key_reused")


@on_both_databases
def test_a_retry_of_a_typed_code_need_not_wait(north, coupon):
    first = north.post("/redemptions", {"short_code": coupon.short_code}, "one")
    guesses = [north.post("/redemptions", {"short_code": short_codes.new_code()}, f"guess-{n}") for n in range(6)]
    assert_problem(guesses[5], "too_many")
    again = north.post("/redemptions", {"short_code": coupon.short_code}, "one")
    assert (again.status_code, again.data, replayed(again)) == (201, first.data, True)
    assert_problem(north.post("/redemptions", {"short_code": coupon.short_code}, "two"), "too_many")


def test_a_retry_of_a_wrong_code_is_no_second_guess(north, database):
    wrong = short_codes.new_code()
    assert [north.post("/redemptions", {"short_code": wrong}, "one").status_code for _ in range(9)] == [404] * 9
    (count,) = database.read(lambda session: all_of(session, Throttle))
    assert count.failures == 1
