import time

import pytest
from itsdangerous import URLSafeTimedSerializer

from redeem.lib.errors import BadLink
from redeem.lib.links import Fault, Links, Purpose

OLD, NEW = "old secret key 0123", "new secret key 0123"
LINKS = Links([OLD, NEW])
PAYLOAD = {"enrolment": "enr_1", "store": "Север"}
SEALED = LINKS.seal(Purpose.ENROLMENT, PAYLOAD)
AN_HOUR = 3600
A_CENTURY = 100 * 366 * 24 * AN_HOUR


def broken(text: str, purpose: Purpose = Purpose.ENROLMENT, links: Links = LINKS) -> bool:
    with pytest.raises(BadLink) as caught:
        links.open(purpose, text, AN_HOUR)
    return caught.value.reason == Fault.BROKEN


def test_what_is_sealed_opens():
    assert LINKS.open(Purpose.ENROLMENT, SEALED, AN_HOUR) == PAYLOAD


def test_a_sealed_text_needs_no_escaping_in_a_url():
    assert set(SEALED) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@pytest.mark.parametrize("purpose", [Purpose.INVITATION, Purpose.PASSWORD_RESET, Purpose.KNOWN_BROWSER])
def test_a_link_of_one_purpose_is_refused_for_another(purpose):
    assert broken(SEALED, purpose)


def test_a_link_that_is_too_old_has_expired(monkeypatch):
    later = time.time() + AN_HOUR + 2
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(BadLink) as caught:
        LINKS.open(Purpose.ENROLMENT, SEALED, AN_HOUR)
    assert caught.value.reason == Fault.EXPIRED


def test_rotation_opens_what_an_older_secret_sealed():
    assert LINKS.open(Purpose.INVITATION, Links([OLD]).seal(Purpose.INVITATION, 1), AN_HOUR) == 1


def test_rotation_seals_with_the_newest_secret():
    assert Links([NEW]).open(Purpose.ENROLMENT, SEALED, AN_HOUR) == PAYLOAD


def test_a_secret_taken_away_opens_nothing():
    assert broken(SEALED, links=Links([OLD]))


def test_what_an_earlier_release_sealed_still_opens():
    sealed = "eyJlbnJvbG1lbnQiOiJlbnJfMSJ9.awIOlA.7WRHa4Bo6lL-ioPsTYe1N0NeCz66qAyyDQYPI5xD3bA"
    assert LINKS.open(Purpose.ENROLMENT, sealed, A_CENTURY) == {"enrolment": "enr_1"}


@pytest.mark.parametrize("place", range(len(SEALED) - 1))
def test_any_character_altered_breaks_a_link(place):
    other = "A" if SEALED[place] != "A" else "B"
    assert broken(SEALED[:place] + other + SEALED[place + 1 :])


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", SEALED[:-1], SEALED + "x", SEALED[1:], "ё" * 10, "\0", "x" * 3000]
)
def test_any_other_text_is_broken(text):
    assert broken(text)


def test_a_link_sealed_by_the_library_alone_is_not_ours():
    assert broken(str(URLSafeTimedSerializer(NEW).dumps(PAYLOAD)))
