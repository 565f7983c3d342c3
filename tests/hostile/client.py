"""A partner's own clients, written from docs/protocol.md and apart from the tablet's code: they sign, and say whatever they are told to.

Nothing of `redeem` is used here. What the server answers is kept as it came, so that it can be shown again in the wrong place.
"""

import json
import time
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any

from flask.testing import FlaskClient
from nacl.signing import SigningKey

EPOCHS_END = 2**53 - 1


@dataclass(frozen=True)
class Grant:
    """A hold as the server granted it: the coupon's id, the epoch, the proof of the grant, and that of the short code."""

    coupon: str
    epoch: int
    proof: str
    code_proof: str

    @property
    def shown(self) -> dict[str, Any]:
        """What an entry shows of it."""
        return {"epoch": self.epoch, "grant": self.proof}

    @property
    def claim(self) -> list[Any]:
        """What a report to a restored ledger says of it."""
        _, campaign, number = self.coupon.split("_")
        return [int(campaign), int(number), self.epoch, self.proof]


@dataclass
class OwnTablet:
    """A tablet of somebody's own making. `write` appends an entry of any members, `sync` sends what the server has not taken."""

    http: FlaskClient
    device: str
    key: SigningKey
    journal: list[dict[str, str]] = field(default_factory=list)
    taken: int = 0
    grants: dict[str, Grant] = field(default_factory=dict)
    yeses: dict[int, str] = field(default_factory=dict)

    @classmethod
    def enrolled(cls, http: FlaskClient, link: str, key: SigningKey) -> "OwnTablet":
        body = {"v": 1, "token": link, "public_key": base64url(bytes(key.verify_key))}
        reply = json.loads(http.post("/clerk/enrol", json=body).data)
        return cls(http, reply["device"]["id"], key)

    def write(self, kind: str, **members: Any) -> int:
        """The number of the new entry."""
        last = self.journal[-1]["text"] if self.journal else None
        previous = "A" * 43 if last is None else base64url(sha256(last.encode()).digest())
        number = len(self.journal) + 1
        said = {"v": 1, "n": number, "prev": previous, "at": time.time_ns() // 1_000_000, "kind": kind} | members
        self.journal.append(self.entry(json.dumps(said), self.device))
        return number

    def entry(self, text: str, device: str) -> dict[str, str]:
        """A text, signed by this tablet's key as an entry of that device."""
        message = b"redeem-entry-v1\0" + device.encode() + b"\0" + text.encode()
        return {"text": text, "signature": base64url(self.key.sign(message).signature)}

    def sync(self, **said: Any) -> dict[str, Any]:
        """The reply, or the problem."""
        entries = self.journal[self.taken :]
        reply = self.post("/clerk/sync", {"v": 1, "after": self.taken, "entries": entries, "epoch": 0} | said)
        self.taken = reply.get("last", self.taken)
        for campaign, number, epoch, _, _, proof, code_proof, *_ in reply.get("grants", []):
            coupon = f"cpn_{campaign}_{number}"
            self.grants[coupon] = Grant(coupon, epoch, proof, code_proof)
        answers = reply.get("answers", {}).items()
        self.yeses |= {int(number): answer["yes"] for number, answer in answers if "yes" in answer}
        return reply

    def tell(self, kind: str, **members: Any) -> str:
        """Writes an entry and sends it. The code of its answer, or of the problem."""
        number = self.write(kind, **members)
        reply = self.sync()
        return str(reply["answers"][str(number)]["code"] if "answers" in reply else reply["code"])

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        data = json.dumps(body).encode()
        digest = f"sha-256=:{b64encode(sha256(data).digest()).decode()}:"
        covered = f'("@method" "@path" "content-digest");created=1;keyid="{self.device}";alg="ed25519"'
        base = f'"@method": POST\n"@path": {path}\n"content-digest": {digest}\n"@signature-params": {covered}'
        signature = b64encode(self.key.sign(base.encode()).signature).decode()
        headers = {
            "Content-Digest": digest,
            "Signature-Input": f"device={covered}",
            "Signature": f"device=:{signature}:",
        }
        reply = self.http.post(path, data=data, content_type="application/json", headers=headers)
        return dict(json.loads(reply.data))


@dataclass
class OwnTill:
    """A till of somebody's own making. Each call answers (status, body)."""

    http: FlaskClient
    key: str
    attempts: Any = field(default_factory=lambda: count(1))

    def post(self, path: str, body: Any = None, attempt: str | None = None) -> tuple[int, dict[str, Any]]:
        names = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": attempt or f"own-{next(self.attempts)}"}
        reply = self.http.post(f"/v1{path}", json=body, headers=names)
        return reply.status_code, dict(json.loads(reply.data))

    def redeem(self, token: str, attempt: str | None = None) -> tuple[int, dict[str, Any]]:
        return self.post("/redemptions", {"token": token}, attempt)

    def say_again(self, token: str, answer: dict[str, Any], attempt: str) -> str:
        """The code of the problem, or `redeemed`."""
        status, body = self.post("/recovery/redemptions", {"request": {"token": token}, "answer": answer}, attempt)
        return "redeemed" if status == 201 else str(body["code"])


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
