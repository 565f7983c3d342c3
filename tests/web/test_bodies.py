"""Bodies as such: none at all, and far too much."""

from io import BytesIO

from flask.testing import FlaskClient

from redeem.db import Database
from redeem.models import Act
from tests import factories
from tests.cast import Cast


def test_a_void_needs_no_body(client: FlaskClient, cast: Cast, database: Database) -> None:
    issued = database.write(lambda session: factories.coupon(session, cast.anywhere))
    headers = {"Authorization": f"Bearer {cast.shop_key}", "Idempotency-Key": "void-1"}
    answer = client.post(f"/v1/coupons/{issued.id}/void", headers=headers)
    assert (answer.status_code, answer.json["status"]) == (200, "void")


def test_a_body_is_missed_where_something_has_to_be_said(client: FlaskClient, cast: Cast) -> None:
    headers = {"Authorization": f"Bearer {cast.north_till}", "Idempotency-Key": "a-1"}
    answer = client.post("/v1/redemptions", headers=headers)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")


def test_a_body_of_10_mb_is_read_to_its_end_and_refused(client: FlaskClient, cast: Cast, database: Database) -> None:
    """A client that is still sending when the connection closes would never see the answer."""
    body = BytesIO(b"x" * 10_000_000)
    headers = {
        "Authorization": f"Bearer {cast.north_till}",
        "Idempotency-Key": "a-1",
        "Content-Type": "application/json",
    }
    answer = client.post("/v1/redemptions", headers=headers, input_stream=body, content_length=10_000_000)
    assert (answer.status_code, answer.json["code"], body.read()) == (413, "too_large", b"")
    assert database.read(lambda session: factories.all_of(session, Act)) == []
