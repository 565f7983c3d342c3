"""The documents that anybody may read: made once, gzipped, and not sent again to whoever has them."""

import gzip
import json

import pytest

from redeem.lib.files import ROOT
from redeem.web.problems import KINDS
from redeem.web.remedies import REMEDIES, what_to_do
from tests.web.programs import assert_problem

DOCUMENTS = ["/v1/openapi.json", "/v1/errors.json"]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_it_is_gzipped_for_who_reads_that(client, path):
    plain, gzipped = client.get(path), client.get(path, headers={"Accept-Encoding": "br, gzip"})
    assert "Content-Encoding" not in plain.headers
    assert gzipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(gzipped.data) == plain.data
    assert len(gzipped.data) < len(plain.data) / 3
    assert gzipped.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert client.get(path, headers={"Accept-Encoding": "gzip;q=0"}).data == plain.data


@pytest.mark.parametrize("path", DOCUMENTS)
def test_it_is_not_sent_to_who_has_it(client, path):
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"], "Accept-Encoding": "gzip"})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get(path, headers={"If-None-Match": 'W/"another"'}).data == first.data


def test_every_error_is_told_in_both_languages(client):
    told = {each["code"]: each for each in client.get("/v1/errors.json").json["data"]}
    assert set(told) == set(KINDS)
    for code, each in told.items():
        assert (each["status"], each["title"]["en"]) == (KINDS[code].status, KINDS[code].title)
        assert each["what_to_do"]["en"] == " ".join(what_to_do(code))
        for sentences in (each["title"], each["what_to_do"]):
            assert sentences["ru"] != sentences["en"], code


def test_the_page_of_errors_says_the_same(client):
    page = (ROOT / "docs" / "errors.md").read_text()
    for code, remedy in REMEDIES.items():
        assert f"| `{code}` | {KINDS[code].status} | {KINDS[code].title} | {remedy} |\n" in page


@pytest.mark.parametrize(("accepted", "language"), [("ru", "ru"), ("ru-RU,en;q=0.5", "ru"), ("de", "en"), (None, "en")])
def test_a_problem_speaks_the_callers_language(client, accepted, language):
    headers = {"Accept-Language": accepted} if accepted else {}
    response = client.get("/v1/coupons", headers=headers)
    problem = assert_problem(response, "unauthenticated")
    assert response.headers["Content-Language"] == language
    assert "Accept-Language" in response.headers["Vary"]
    assert ("Отправьте" in problem["detail"]) == (language == "ru")


def test_a_decline_speaks_the_clerks_language(north, coupon):
    north.redeem(coupon.token, "first")
    north.headers["Accept-Language"] = "ru"
    problem = north.redeem(coupon.token, "second").json
    assert problem["detail"] == "Не выдавайте подарок: он уже выдан."
    del north.headers["Accept-Language"]
    assert north.redeem(coupon.token, "second").json["detail"] == "Don't give the gift: it was given already."


def test_a_sentence_of_the_server_itself_is_in_the_callers_language_too(client):
    """The framework's own has no translation, so what to do about every such error stands for it."""
    told = json.loads(client.get("/v1/nowhere", headers={"Accept-Language": "ru"}).data)["detail"]
    assert told == "Проверьте id и адрес. То, что принадлежит другому партнёру, тоже не находится."


def test_each_answer_of_the_api_says_how_many_guesses_are_free(client, shop, north, coupon):
    for response in (shop.get("/coupons"), north.redeem(coupon.token), client.get("/v1/nowhere")):
        assert response.headers.get_all("RateLimit-Policy") == ['"guesses";q=5;w=1800']
