"""Keys of the shop's programs, and the log of changes."""

import re

import pytest

from redeem.accounts import api_key_format, api_keys
from redeem.db.models.api import ApiKey
from tests.factories import all_of, noted

NEW = "/manager/keys/new"


def made(office, **form):
    return office("shop_manager").send(NEW, {"name": "web shop 2", "scopes": ["read", "issue"]} | form)


def test_a_key_is_made_shown_once_and_works(office, database):
    answer = made(office)
    found = re.search(r'id="key" value="(rsk_[^"]+)"', answer.text)
    assert found
    presented = api_key_format.parse(found[1])
    known = database.read(lambda db: api_keys.find_key(db, presented.prefix))
    assert api_key_format.same(known.secret_hash, presented.hash)
    assert known.scopes == {"read", "issue"}
    page = office("shop_manager").open("/manager/keys").text
    assert presented.prefix in page
    assert found[1] not in page


def test_what_was_made_is_written_down_without_its_secret(office, database):
    key = re.search(r'value="(rsk_[^"]+)"', made(office).text)
    [entry] = database.read(noted)
    assert (entry.what, entry.details) == ("key_made", {"name": "web shop 2", "scopes": ["read", "issue"]})
    assert key
    assert entry.subject_id == key[1][:12]


@pytest.mark.parametrize("form", [{"scopes": []}, {"scopes": ["read", "everything"]}, {"name": ""}, {"name": "x" * 81}])
def test_a_key_that_can_t_be_is_said_so(office, database, form):
    before = len(database.read(lambda db: all_of(db, ApiKey)))
    assert made(office, **form).status_code == 422
    assert len(database.read(lambda db: all_of(db, ApiKey))) == before


def test_a_key_is_revoked_after_a_question(office, cast, database):
    prefix = api_key_format.parse(cast.reader_key).prefix
    page = f"/manager/keys/{prefix}/revoke"
    assert "Revoke the key “reports”?" in office("shop_manager").open(page).text
    office("shop_manager").send(page)
    assert database.read(lambda db: api_keys.find_key(db, prefix)) is None
    assert [entry.what for entry in database.read(noted)] == ["key_revoked"]


def test_to_revoke_a_key_and_a_device_are_two_words_in_russian(office):
    """And short ones: the button stands in a table."""
    page = office("shop_manager").open("/manager/keys?lang=ru").text
    said = dict(re.findall(r'href="/manager/(keys|devices)/[^"]+/revoke">(.*?)<', page))
    assert said == {"keys": "Отозвать", "devices": "Отключить"}
    page = office("shop_manager").open("/manager/keys?lang=en").text
    assert set(re.findall(r'/revoke">(.*?)<', page)) == {"Revoke"}


def test_a_till_s_key_is_not_revoked_as_a_shop_s(office, cast, database):
    prefix = api_key_format.parse(cast.north_till).prefix
    assert office("shop_manager").send(f"/manager/keys/{prefix}/revoke").status_code == 404
    assert database.read(lambda db: api_keys.find_key(db, prefix))
