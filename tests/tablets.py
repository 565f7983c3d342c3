"""A tablet as the server meets it: a signed, chained journal of its own, in Python. What the real one does is tested in the browser."""

from dataclasses import asdict, dataclass, field
from json import dumps
from typing import Any

from nacl.signing import SigningKey

from redeem.db.engine import Database
from redeem.domain.journal import FIRST_HASH, Entry, read_entry, signed_bytes
from redeem.domain.proofs import Receipt
from redeem.domain.tokens import read
from redeem.holds.holds import Grant
from redeem.ledger.recovery_reports import Hold, Report
from redeem.ledger.signing import Signer, load_ring, load_signer
from redeem.lib.errors import BadToken
from redeem.lib.ids import coupon_of
from redeem.lib.sealing import Sealer
from redeem.lib.times import Ms
from redeem.sync.sync import Reply, Request, sync
from tests.factories import NOW, PROOFS, SECRET


@dataclass
class Tablet:
    """`write` appends an entry; `sync` sends all from where the server has it, or the entries given."""

    database: Database
    device_id: str
    key: SigningKey
    journal: list[Entry] = field(default_factory=list)
    last: int = 0
    grants: dict[int, Grant] = field(default_factory=dict)
    yeses: dict[int, str] = field(default_factory=dict)
    copies: list[str] = field(default_factory=list)
    receipt: Receipt | None = None

    def write(self, kind: str, **fields: Any) -> int:
        """The number of the new entry. Like a real one it shows the grant, the yes or the list by which it gives."""
        fields = self.evidence(kind, fields) | fields
        previous = self.journal[-1].hash if self.journal else FIRST_HASH
        number = len(self.journal) + 1
        text = dumps({"v": 1, "n": number, "prev": previous, "at": NOW, "kind": kind} | fields)
        self.journal.append(self.signed(text))
        return number

    def evidence(self, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
        if kind == "gave-at-risk":
            return {"list": NOW} | ({"receipt": asdict(self.receipt)} if self.receipt else {})
        if kind == "gave" and fields.get("of") in self.yeses:
            return {"yes": self.yeses[fields["of"]]}
        named = fields.get("coupon") or fields.get("id")
        grant = self.grants.get(serial_in(named) or 0) if kind == "gave-held" and named else None
        if grant is None:
            return {}
        return {
            "epoch": grant.epoch,
            "grant": grant.proof,
            **({"proof": grant.code_proof} if "typed" in fields else {}),
        }

    def signed(self, text: str) -> Entry:
        return read_entry(text, self.key.sign(signed_bytes(self.device_id, text)).signature)

    def sync(self, entries: list[Entry] | None = None, now: Ms = NOW, **asked: Any) -> Reply:
        sent = self.journal[self.last :] if entries is None else entries
        request = Request(entries=sent, device_time=now, **({"receipt": self.receipt} | asked))
        reply = self.database.write(
            lambda session: sync(
                session, self.device_id, request, load_ring(session), lambda: _signer(session), PROOFS, now
            )
        )
        self.last, self.receipt = reply.last, reply.receipt or self.receipt
        for grant in reply.grants:
            if grant.serial not in self.grants or self.grants[grant.serial].epoch < grant.epoch:
                self.grants[grant.serial] = grant
        if reply.snapshot and reply.reported:
            self.copies = reply.snapshot["copies"]
        self.yeses |= {number: answer["yes"] for number, answer in reply.answers.items() if "yes" in answer}
        return reply

    def restored(self, generation: int, more: bool = False, **asked: Any) -> Reply:
        """Syncs, and reports to a restored ledger: `claims` are the holds that the tablet has, as (serial, epoch); it has their grants.

        It hands its sealed copies in.
        """
        claims = [
            Hold(serial, epoch, PROOFS.grant(self.device_id, serial, epoch))
            for serial, epoch in asked.pop("claims", [])
        ]
        return self.sync(report=Report(generation, len(self.journal), claims, more), **{"copies": self.copies} | asked)

    def act(self, kind: str, **fields: Any) -> str:
        """Writes one entry, sends it, and gives the code of its answer."""
        number = self.write(kind, **fields)
        code: str = self.sync().answers[number]["code"]
        return code


def serial_in(text: str) -> int | None:
    """Of a token or an id; None of any other text."""
    if text.startswith("cpn_"):
        return coupon_of(text)
    try:
        return read(text).serial
    except BadToken:
        return None


def _signer(session: Any) -> Signer:
    return load_signer(session, Sealer([SECRET]))
