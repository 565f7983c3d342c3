"""What Redeem signs, the library of Standard Webhooks verifies; and Ed25519 by the public key."""

import base64
import json
from datetime import UTC, datetime

import pytest
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey
from standardwebhooks import Webhook, WebhookVerificationError

from redeem.lib.errors import Invalid
from redeem.web.context import now_ms
from redeem.webhooks.signatures import Secret, read_secret, sign, sign_with

BODY = json.dumps({"id": "evt_1", "type": "coupon.redeemed", "data": {"Имя": "Анна"}}, ensure_ascii=False).encode()
ID = "evt_01J00000000000000000000000"


def signed(*secrets: Secret) -> dict[str, str]:
    return sign(ID, now_ms(), BODY, secrets)


def test_the_library_of_standard_webhooks_verifies_what_is_signed():
    secret = Secret.new()
    assert Webhook(secret.text).verify(BODY, signed(secret)) == json.loads(BODY)


def test_it_verifies_no_other_body_and_no_other_secret():
    secret, other = Secret.new(), Secret.new()
    for webhook, body in ((Webhook(secret.text), BODY + b" "), (Webhook(other.text), BODY)):
        with pytest.raises(WebhookVerificationError):
            webhook.verify(body, signed(secret))


def test_while_a_secret_rotates_either_verifies():
    new, old = Secret.new(), Secret.new()
    headers = signed(new, old)
    assert len(headers["webhook-signature"].split()) == 4
    for secret in (new, old):
        Webhook(secret.text).verify(BODY, headers)


def check_ed25519(public_key: str, headers: dict[str, str], body: bytes) -> None:
    """As a receiver does who has no more than the public key."""
    key = VerifyKey(base64.b64decode(public_key.removeprefix("whpk_")))
    message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    [given] = [each[4:] for each in headers["webhook-signature"].split() if each.startswith("v1a,")]
    key.verify(message, base64.b64decode(given))


def test_ed25519_is_verified_by_the_public_key():
    secret = Secret.new()
    check_ed25519(secret.public_key, signed(secret), BODY)
    with pytest.raises(BadSignatureError):
        check_ed25519(secret.public_key, signed(secret), BODY + b" ")
    with pytest.raises(BadSignatureError):
        check_ed25519(Secret.new().public_key, signed(secret), BODY)


def test_the_time_is_in_seconds_and_the_id_is_the_messages():
    at = round(datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp() * 1000) + 999
    headers = sign(ID, at, BODY, [Secret.new()])
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == (ID, "1796040000")


def test_a_secret_is_kept_as_bytes_and_comes_back_whole():
    secret = Secret.new()
    assert Secret.of_bytes(secret.packed) == secret
    assert len(secret.packed) == 64


def test_a_secret_is_read_as_it_was_shown():
    secret = Secret.new()
    assert read_secret(secret.text) == secret.hmac_key
    Webhook(secret.text).verify(BODY, sign_with(read_secret(secret.text), ID, now_ms(), BODY))


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64!", "whpk_" + "A" * 44])
def test_half_a_secret_is_refused(text: str):
    with pytest.raises(Invalid, match="whole secret"):
        read_secret(text)
