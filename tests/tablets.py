"""A tablet as the server meets it: a signed, chained journal of its own, in Python. What the real one does is tested in the browser."""

from dataclasses import dataclass, field
from json import dumps
from typing import Any

from nacl.signing import SigningKey

from redeem.db.engine import Database
from redeem.domain.journal import FIRST_HASH, Entry, read_entry, signed_bytes
from redeem.ledger.recovery_reports import Report
from redeem.ledger.signing import Signer, load_ring, load_signer
from redeem.lib.sealing import Sealer
from redeem.lib.times import Ms
from redeem.sync.sync import Reply, Request, sync
from tests.factories import NOW, SECRET


@dataclass
class Tablet:
    """`write` appends an entry; `sync` sends all from where the server has it, or the entries given."""

    database: Database
    device_id: str
    key: SigningKey
    journal: list[Entry] = field(default_factory=list)
    last: int = 0

    def write(self, kind: str, **fields: Any) -> int:
        """The number of the new entry."""
        previous = self.journal[-1].hash if self.journal else FIRST_HASH
        number = len(self.journal) + 1
        text = dumps({"v": 1, "n": number, "prev": previous, "at": NOW, "kind": kind} | fields)
        self.journal.append(self.signed(text))
        return number

    def signed(self, text: str) -> Entry:
        return read_entry(text, self.key.sign(signed_bytes(self.device_id, text)).signature)

    def sync(self, entries: list[Entry] | None = None, now: Ms = NOW, **asked: Any) -> Reply:
        sent = self.journal[self.last :] if entries is None else entries
        request = Request(entries=sent, device_time=now, **asked)
        reply = self.database.write(
            lambda session: sync(session, self.device_id, request, load_ring(session), lambda: _signer(session), now)
        )
        self.last = reply.last
        return reply

    def restored(self, generation: int, more: bool = False, **asked: Any) -> Reply:
        """Syncs, and reports to a restored ledger: `claims` are the holds that the tablet has, as (serial, epoch)."""
        claims = asked.pop("claims", [])
        return self.sync(report=Report(generation, len(self.journal), claims, more), **asked)

    def act(self, kind: str, **fields: Any) -> str:
        """Writes one entry, sends it, and gives the code of its answer."""
        number = self.write(kind, **fields)
        code: str = self.sync().answers[number]["code"]
        return code


def _signer(session: Any) -> Signer:
    return load_signer(session, Sealer([SECRET]))
