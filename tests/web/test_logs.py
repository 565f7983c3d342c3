"""Request ids, and what the log says of a request: enough to follow it, nothing that is worth stealing."""

import json

import pytest

from redeem.domain import short_codes


@pytest.fixture
def lines(capsys):
    """What was logged since the last look."""
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]


def test_a_sane_request_id_is_kept(client):
    assert client.get("/healthz", headers={"X-Request-Id": "till-4.000017"}).headers["X-Request-Id"] == "till-4.000017"


@pytest.mark.parametrize(
    "offered", ["", "short", "x" * 81, "has space", "a;b=c;d=e", "<script>", "ключключ".encode().decode("latin-1")]
)
def test_any_other_is_replaced(client, offered):
    given = client.get("/healthz", headers={"X-Request-Id": offered}).headers["X-Request-Id"]
    assert given.startswith("req_")


def test_a_request_is_one_line_with_the_routes_template(lines, north, coupon):
    lines()
    response = north.post(f"/redemptions/{coupon.token}/reverse", {"reason": "x"})
    (line,) = lines()
    assert line["request_id"] == response.headers["X-Request-Id"]
    assert (line["method"], line["route"]) == ("POST", "/v1/redemptions/<redemption>/reverse")
    assert (line["status"], line["caller"][:4]) == (404, "rtk_")
    assert line["ms"] > 0


def test_who_was_refused_is_said_with_the_address_that_it_came_from(lines, client, cast, reader, office):
    lines()
    source = {"REMOTE_ADDR": "198.51.100.9"}
    client.get("/v1/coupons", headers={"Authorization": f"Bearer {cast.shop_key}x"}, environ_base=source)
    client.post("/clerk/sync", json={}, environ_base=source)
    reader.post("/coupons", {"campaign": "cmp_1"})
    told = [(line["status"], line["route"], line["caller"] or line["source"]) for line in lines()]
    assert told == [
        (401, "/v1/coupons", "198.51.100.9"),
        (401, "/clerk/sync", "198.51.100.9"),
        (403, "/v1/coupons", cast.reader_key[:12]),
    ]
    auditor = office("auditor")
    lines()
    assert auditor.open("/manager/devices/new").status_code == 403
    (line,) = lines()
    assert (line["manager"][:4], line["source"]) == ("mgr_", auditor.source)


def test_nothing_worth_stealing_is_logged(capsys, client, shop, north, cast, coupon):
    north.redeem(coupon.token, "secret-attempt-name")
    north.post("/verifications", {"short_code": short_codes.grouped(coupon.short_code)})
    issued = shop.post(
        "/coupons", {"campaign": "cmp_1", "order_ref": "ORDER-REF-1", "metadata": {"mail": "a@b.c"}}
    ).json
    client.get(f"/v1/{coupon.token}?token={coupon.token}")
    client.get("/v1/coupons", headers={"Authorization": f"Bearer {cast.shop_key}broken"})
    shop.get(f"/coupons/{coupon.id}", order_ref="ORDER-REF-1")
    log = capsys.readouterr().err
    secrets = [
        *(
            coupon.token,
            coupon.short_code,
            short_codes.grouped(coupon.short_code),
            issued["token"],
            issued["short_code"],
        ),
        *(cast.shop_key, cast.north_till, "secret-attempt-name", "ORDER-REF-1", "a@b.c", coupon.id),
    ]
    assert log
    assert [secret for secret in secrets if secret in log] == []
