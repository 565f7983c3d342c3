import json

import pytest

from redeem.lib import errors
from redeem.lib.errors import BadToken, NotFound, RedeemError, TooMany


def kinds(base: type[RedeemError] = RedeemError) -> list[type[RedeemError]]:
    return [base, *(kind for child in base.__subclasses__() for kind in kinds(child))]


OURS = [kind for kind in kinds() if kind.__module__ == errors.__name__]


def test_every_error_has_a_code_of_its_own():
    named = [kind for kind in OURS if kind is not errors.Reasoned]
    assert len({kind.code for kind in named}) == len(named)


@pytest.mark.parametrize("kind", OURS)
def test_every_error_says_in_a_sentence_what_to_do_next(kind):
    assert kind.default_detail[0].isupper()
    assert kind.default_detail.endswith((".", ";"))


def test_an_error_carries_what_its_answer_needs():
    error = NotFound("No such store.", store="sto_1")
    assert (error.code, error.detail, str(error)) == ("not_found", "No such store.", "No such store.")
    assert json.dumps(error.extra) == '{"store": "sto_1"}'


def test_too_many_says_when_to_come_back():
    assert TooMany(30).retry_after_seconds == 30
    assert TooMany(30).detail == TooMany.default_detail


def test_a_reason_stays_inside():
    error = BadToken("wrong_signature")
    assert (error.reason, error.extra) == ("wrong_signature", {})
    assert "signature" not in error.detail
