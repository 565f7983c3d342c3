"""Who may call: keys good, revoked, mangled, of the wrong kind, without the scope."""

import pytest

from redeem.accounts import api_key_format, api_keys
from redeem.accounts.audit import OPERATOR
from redeem.db.models.api import ApiKey
from redeem.devices import enrolment
from redeem.web.api.auth import CACHE
from tests.databases import on_both_databases
from tests.web.programs import Program, assert_problem


def test_without_a_key_nobody_is_asking(client):
    response = client.get("/v1/coupons")
    assert_problem(response, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="redeem"'


@pytest.mark.parametrize("who", ["revoked_key", "intruder_key", "intruder_till", "revoked_till"])
def test_a_key_that_is_not_good_is_told_no_more_than_none(client, cast, who):
    strange = assert_problem(Program(client, getattr(cast, who)).get("/coupons"), "unauthenticated")
    assert str(getattr(cast, who))[:12] not in str(strange)


def test_a_mangled_key_is_no_key(client, cast):
    for text in (
        cast.shop_key[:-1],
        cast.shop_key + "x",
        cast.shop_key.upper(),
        "",
        "é",
        "rsk_",
        cast.shop_key[:-1] + "-",
    ):
        assert_problem(Program(client, text).get("/coupons"), "unauthenticated")


def test_the_right_prefix_with_another_secret_is_no_key(client, cast):
    prefix = api_key_format.parse(cast.shop_key).prefix
    stranger = api_key_format.mint("shop").text
    body = prefix + stranger[len(prefix) : -6]
    forged = body + api_key_format._checksum(body)
    assert api_key_format.parse(forged).prefix == prefix
    assert_problem(Program(client, forged).get("/coupons"), "unauthenticated")


@pytest.mark.parametrize("scheme", ["Basic", "Token", ""])
def test_another_scheme_is_no_key(client, cast, scheme):
    response = client.get("/v1/coupons", headers={"Authorization": f"{scheme} {cast.shop_key}"})
    assert_problem(response, "unauthenticated")


def test_the_schemes_case_does_not_matter(client, cast):
    assert client.get("/v1/coupons", headers={"Authorization": f"bearer {cast.shop_key}"}).status_code == 200


def test_a_key_of_the_other_kind_is_known_and_may_not(shop, north, coupon):
    for response in (shop.redeem(coupon.token), north.get("/coupons")):
        assert_problem(response, "insufficient_scope")
        assert "insufficient_scope" in response.headers["WWW-Authenticate"]


def test_a_key_in_the_address_counts_for_nothing(client, cast):
    assert_problem(client.get("/v1/coupons", query_string={"key": cast.shop_key}), "unauthenticated")


@on_both_databases
def test_use_is_remembered(shop, database, cast):
    shop.get("/coupons")
    used = database.read(lambda s: s.get(ApiKey, api_key_format.parse(cast.shop_key).prefix)).last_used_at
    shop.get("/coupons")
    assert used is not None
    assert database.read(lambda s: s.get(ApiKey, api_key_format.parse(cast.shop_key).prefix)).last_used_at == used


def test_a_revoked_key_is_out_within_a_second(app, shop, database, cast):
    assert shop.get("/coupons").status_code == 200
    database.write(lambda s: api_keys.revoke_shop_key(s, OPERATOR, api_key_format.parse(cast.shop_key).prefix, 1))
    app.extensions[CACHE].clear()
    assert_problem(shop.get("/coupons"), "unauthenticated")


def test_a_revoked_till_redeems_nothing(app, north, database, cast, coupon):
    database.write(lambda s: enrolment.revoke_device(s, OPERATOR, cast.north_till_id, 1))
    assert_problem(north.redeem(coupon.token), "unauthenticated")
