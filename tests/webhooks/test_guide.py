"""The guide's example verifies what is sent, and nothing else; and its example of a message has the form of one."""

import re
from typing import Any

from redeem.lib.files import ROOT
from redeem.web.context import now_ms
from redeem.webhooks.signatures import Secret, sign

GUIDE = (ROOT / "docs" / "webhooks.md").read_text()
BODY = '{"id": "evt_1", "type": "coupon.redeemed", "имя": "Анна"}'.encode()


def example() -> Any:
    [code] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    return names["is_ours"]


def test_the_example_verifies_what_is_sent():
    is_ours, secret, other = example(), Secret.new(), Secret.new()
    headers = sign("evt_1", now_ms(), BODY, [secret])
    assert is_ours(secret.text, headers, BODY)
    assert not is_ours(other.text, headers, BODY)
    assert not is_ours(secret.text, headers, BODY + b" ")
    assert not is_ours(secret.text, headers | {"webhook-id": "evt_2"}, BODY)
    assert is_ours(other.text, sign("evt_1", now_ms(), BODY, [secret, other]), BODY)


def test_the_example_refuses_what_is_old():
    secret = Secret.new()
    old = sign("evt_1", now_ms() - 301_000, BODY, [secret])
    assert not example()(secret.text, old, BODY)
    later = dict(old) | {"webhook-timestamp": str(now_ms() // 1000)}
    assert not example()(secret.text, later, BODY)


def test_the_message_of_the_guide_has_all_headers():
    message = sign("evt_1", now_ms(), BODY, [Secret.new()])
    for name, value in message.items():
        [shown] = re.findall(rf"^{name}: (.*)$", GUIDE, re.MULTILINE)
        assert len(shown.split()) == len(value.split())
        if name == "webhook-signature":
            assert [len(each) for each in shown.split()] == [len(each) for each in value.split()]
