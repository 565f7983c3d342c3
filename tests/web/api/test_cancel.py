"""POST /v1/redemptions/{attempt}/cancel: final, whichever comes first."""

from re import fullmatch
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redeem.db.models.ledger import Act, Redemption
from redeem.web.api.openapi import KEY
from redeem.web.parsing import read_key
from tests.databases import on_both_databases
from tests.factories import all_of
from tests.web.programs import assert_problem, replayed


@on_both_databases
def test_a_cancelled_attempt_that_arrives_later_redeems_nothing(north, north_two, coupon):
    assert north.post("/redemptions/late/cancel").json == {"id": "late", "object": "attempt", "status": "cancelled"}
    assert_problem(north.redeem(coupon.token, "late"), "attempt_cancelled")
    assert north_two.redeem(coupon.token).status_code == 201


@on_both_databases
def test_cancelling_an_attempt_that_redeemed_opens_the_coupon_again(north, north_two, coupon):
    assert north.redeem(coupon.token, "early").status_code == 201
    assert north.post("/redemptions/early/cancel").status_code == 200
    assert_problem(north.redeem(coupon.token, "early"), "attempt_cancelled")
    assert north_two.redeem(coupon.token).status_code == 201


def test_cancelling_twice_is_cancelling_once(north, database, coupon):
    north.redeem(coupon.token, "early")
    first, again = (north.post("/redemptions/early/cancel") for _ in range(2))
    assert (first.status_code, first.data) == (again.status_code, again.data)
    assert database.read(lambda session: all_of(session, Redemption)) == []


def test_a_cancelled_redemption_of_another_till_stands(north, south, coupon):
    assert north.redeem(coupon.token, "shared-name").status_code == 201
    assert south.post("/redemptions/shared-name/cancel").status_code == 200
    assert north.verify(coupon.token) == "already_redeemed"


def test_an_attempt_may_be_called_what_it_likes(north, coupon):
    name = "till 4/2026-11-21//17?x=ё".replace("ё", "~")
    assert north.redeem(coupon.token, name).status_code == 201
    assert north.post(f"/redemptions/{quote(name, safe='')}/cancel").json["id"] == name
    assert north.verify(coupon.token) == "good"


def test_what_was_no_attempt_to_redeem_can_not_be_cancelled(north, coupon):
    redemption = north.redeem(coupon.token).json["id"]
    north.post(f"/redemptions/{redemption}/reverse", {"reason": "wrong coffee"}, "the-undo")
    assert_problem(north.post("/redemptions/the-undo/cancel"), "idempotency_key_reused")


def test_a_decline_that_is_cancelled_leaves_the_coupon_as_it_was(north, north_two, coupon, database):
    first = north.redeem(coupon.token).json
    north_two.redeem(coupon.token, "declined")
    assert north_two.post("/redemptions/declined/cancel").status_code == 200
    assert north.verify(coupon.token) == "already_redeemed"
    assert [row.act_id for row in database.read(lambda s: all_of(s, Redemption))] == [first["id"]]


NAMES = {
    "att": ("att", " att ", '"att"', ' "att" ', '" att "'),
    'till "4"': ('till "4"', r'"till \"4\""'),
    "a\\b": ("a\\b", r'"a\\b"'),
    "a/b//c?d=%25": ("a/b//c?d=%25", '"a/b//c?d=%25"'),
}
SPELLINGS = [
    pytest.param(name, header, written, id=f"{header} and {written}")
    for name, ways in NAMES.items()
    for header in ways
    for written in ways
]
NO_NAMES = {
    "nothing": "",
    "blanks": "   ",
    "empty quotes": '""',
    "blanks in quotes": '"  "',
    "256 characters": "x" * 256,
    "256 characters in quotes": '"' + "x" * 256 + '"',
    "quotes that do not end": '"att',
    "quotes that end twice": '"att""',
    "a quote within quotes": '"a"b"',
    "a backslash before another character": r'"a\b"',
    "parameters": '"att";v=1',
    "a line feed": "att\n",
    "a tab": "a\tb",
    "another alphabet": "попытка",
    "no UTF-8": b"\xff",
}


def keyed(client, till, path, body, header):
    return client.post(f"/v1{path}", json=body, headers={**till.headers, "Idempotency-Key": header})


@pytest.mark.parametrize(("name", "header", "written"), SPELLINGS)
def test_an_attempt_has_one_name_however_it_is_written(client, north, coupon, name, header, written):
    assert north.post(f"/redemptions/{quote(written, safe='')}/cancel").json["id"] == name
    assert_problem(keyed(client, north, "/redemptions", {"token": coupon.token}, header), "attempt_cancelled")
    assert north.verify(coupon.token) == "good"


@on_both_databases
def test_a_quoted_name_cancels_what_a_bare_one_redeemed(client, north, coupon):
    first = keyed(client, north, "/redemptions", {"token": coupon.token}, "att")
    again = keyed(client, north, "/redemptions", {"token": coupon.token}, '"att"')
    assert (again.data, replayed(again)) == (first.data, True)
    assert north.post("/redemptions/%22att%22/cancel").json["id"] == "att"
    assert north.verify(coupon.token) == "good"


def test_a_reversal_has_one_name_however_it_is_written(client, north, coupon):
    path = f"/redemptions/{north.redeem(coupon.token).json['id']}/reverse"
    first = keyed(client, north, path, {"reason": "spilled"}, r'"undo \"1\""')
    again = keyed(client, north, path, {"reason": "spilled"}, 'undo "1"')
    assert (first.status_code, again.data, replayed(again)) == (200, first.data, True)


@pytest.mark.parametrize("written", NO_NAMES.values(), ids=NO_NAMES)
def test_what_can_name_no_attempt_is_one_error_and_cancels_nothing(north, database, written):
    assert_problem(north.post(f"/redemptions/{quote(written, safe='')}/cancel"), "idempotency_key_missing")
    assert database.read(lambda session: all_of(session, Act)) == []


@pytest.mark.parametrize(
    "header",
    [text for name, text in NO_NAMES.items() if name not in ("a line feed", "another alphabet", "no UTF-8")],
)
def test_what_can_name_no_attempt_redeems_nothing(client, north, coupon, database, header):
    assert_problem(keyed(client, north, "/redemptions", {"token": coupon.token}, header), "idempotency_key_missing")
    assert database.read(lambda session: all_of(session, Act)) == []


@given(st.text(alphabet='ab "\\~é\n', max_size=8))
def test_the_document_says_what_can_name_an_attempt(text):
    assert bool(fullmatch(KEY["schema"]["pattern"], text.strip(" "))) == (read_key(text) is not None)


def test_who_may_not_cancel_is_told_that_first(client, shop):
    assert_problem(client.post("/v1/redemptions/%22/cancel"), "unauthenticated")
    assert_problem(shop.post("/redemptions/%22/cancel"), "insufficient_scope")


def test_the_longest_name_may_be_quoted(north):
    name = "x" * 255
    assert north.post(f"/redemptions/%22{name}%22/cancel").json["id"] == name
