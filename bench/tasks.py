"""What is measured over HTTP: the requests of each task, ready to be sent."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from itertools import count

from flask.testing import FlaskClient
from nacl.signing import SigningKey

from bench.load import request
from bench.stage import Stage
from redeem.domain.journal import Entry
from tests.factories import Issued
from tests.tablets import Tablet
from tests.web.signed import Signing

Requests = list[list[bytes]]
_names = count()


def redemptions(stage: Stage, connections: int, many: int) -> Requests:
    """Returns redemptions, each of another coupon. The connections are tills of all stores in turn."""
    return by_till(stage, connections, "/v1/redemptions", stage.coupons(many), keyed=True)


def verifications(stage: Stage, connections: int, many: int) -> Requests:
    return by_till(stage, connections, "/v1/verifications", stage.coupons(many), keyed=False)


def by_till(stage: Stage, connections: int, path: str, coupons: Sequence[Issued], *, keyed: bool) -> Requests:
    bodies = [json.dumps({"token": coupon.token}).encode() for coupon in coupons]
    keys = [stage.till_keys[number % len(stage.till_keys)] for number in range(connections)]
    return [
        [request("POST", path, body, Authorization=f"Bearer {key}", **(name() if keyed else {})) for body in mine]
        for key, mine in ((key, bodies[number::connections]) for number, key in enumerate(keys))
    ]


def issues(stage: Stage, connections: int, many: int) -> Requests:
    """Returns requests that issue one coupon each, for one order each."""
    return [
        [
            request("POST", "/v1/coupons", order(stage, number), Authorization=f"Bearer {stage.shop_key}", **name())
            for number in range(first, many, connections)
        ]
        for first in range(connections)
    ]


def order(stage: Stage, number: int) -> bytes:
    return json.dumps({"campaign": f"cmp_{stage.campaign}", "order_ref": f"order {number}"}).encode()


def name() -> dict[str, str]:
    return {"Idempotency_Key": f"bench-{next(_names)}"}


def syncs(stage: Stage, connections: int, many: int) -> Requests:
    """Returns syncs of tablets that give: one with an `ask`, the next with its `gave`. `connections` is at most the number of tablets."""
    return [
        gifts(Tablet(stage.database, device_id, key), key, stage.coupons(many // connections // 2))
        for device_id, key in stage.tablets[:connections]
    ]


def gifts(tablet: Tablet, key: SigningKey, coupons: Sequence[Issued]) -> list[bytes]:
    known = (tablet.sync().snapshot or {})["etag"]
    for coupon in coupons:
        tablet.write("gave", of=tablet.write("ask", coupon=coupon.token))
    signing = Signing(FlaskClient(None), tablet.device_id, key)  # only its headers are wanted
    return [sync_request(signing, entry, known) for entry in tablet.journal]


def sync_request(signing: Signing, entry: Entry, known: str) -> bytes:
    signature = urlsafe_b64encode(entry.signature).rstrip(b"=").decode()
    entries = [{"text": entry.text, "signature": signature}]
    body = json.dumps({"v": 1, "after": entry.number - 1, "entries": entries, "known": known}).encode()
    headers = {header.replace("-", "_"): value for header, value in signing.headers("/clerk/sync", body).items()}
    return request("POST", "/clerk/sync", body, **headers)
