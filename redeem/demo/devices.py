"""The demo's tablets, each with a journal that is numbered, chained and signed, and its till, which names its attempts.

The rows of each act are those that `redemptions` writes, collected for one bulk insert. A test sends the journals to the real server
and compares the rows.
"""

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from json import dumps
from random import Random
from typing import Any
from uuid import UUID

from nacl.signing import SigningKey

from redeem.demo.partners import StoreCard, device_id
from redeem.domain.acts import CANCELLED, NOT_HANDED_OVER, Answer, Kind, Outcome
from redeem.domain.journal import FIRST_HASH, VERSION, signed_bytes
from redeem.domain.presented import Actor
from redeem.domain.rules import Verdict
from redeem.ledger import ledger
from redeem.ledger.rows import StandingRedemption
from redeem.lib import ids
from redeem.lib.encoding import base64url
from redeem.lib.times import Ms, local_day, rfc3339

Row = dict[str, Any]
ONLY_SLOT = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """A coupon that a customer shows. `serial` is None if the token is forged."""

    digits: str
    serial: int | None

    @property
    def id(self) -> str | None:
        return ids.coupon_id(self.serial) if self.serial is not None else None


@dataclass(slots=True)
class Books:
    """The rows to insert, by table. `standing` holds the redemptions that stand, by serial."""

    acts: list[Row] = field(default_factory=list)
    standing: dict[int, StandingRedemption] = field(default_factory=dict)
    reversals: list[Row] = field(default_factory=list)
    tally: Counter[tuple[int, int, str, str]] = field(default_factory=Counter)

    def count(self, store: StoreCard, shown: Shown, outcome: str, at: Ms) -> None:
        campaign = ledger.UNKNOWN_CAMPAIGN if shown.serial is None else shown.serial >> 32
        self.tally[local_day(at, store.zone), campaign, store.id, outcome[:40]] += 1

    def redemptions(self) -> list[Row]:
        return [
            {
                "serial": one.serial,
                "act_id": one.act_id,
                "device_id": one.device_id,
                "at": one.at,
                "handed_over_at": one.handed_over_at,
            }
            for one in self.standing.values()
        ]

    def tallies(self) -> list[Row]:
        names = ("day", "campaign_number", "store_id", "outcome")
        return [dict(zip(names, key, strict=True)) | {"slot": ONLY_SLOT, "count": n} for key, n in self.tally.items()]


@dataclass(slots=True)
class Desk:
    """A device at a store. `free_at` is when its last customer left."""

    store: StoreCard
    name: str
    books: Books
    dice: Random
    free_at: Ms = 0

    @property
    def id(self) -> str:
        return device_id(self.store, self.name)

    @property
    def actor(self) -> Actor:
        store = self.store
        return Actor(self.id, self.name, store.id, store.name, store.partner_id, store.zone)

    def keep(self, kind: str, name: str, at: Ms, answer: Answer, **row: Any) -> str:
        """Adds the row of an act, and returns its new id."""
        act_id = ids.new_id("rdm" if kind in (Kind.REDEEM, Kind.ASK) else "act", at, self.dice.getrandbits(80))
        told = {"code": answer.code, "answer": dumps(answer.details, ensure_ascii=False)}
        place = {"device_id": self.id, "store_id": self.store.id, "kind": kind, "name": name, "at": at}
        blank = dict.fromkeys(("clerk_id", "serial", "device_at", "entry", "signature"))
        self.books.acts.append(blank | {"id": act_id} | place | told | row)
        return act_id

    def stand(
        self, shown: Shown, act_id: str, at: Ms, handed_over_at: Ms, clerk: tuple[str | None, str | None]
    ) -> None:
        if shown.serial is None:
            raise ValueError("an unknown coupon can't be redeemed")
        who, (clerk_id, clerk_name) = self.actor, clerk
        self.books.standing[shown.serial] = StandingRedemption(
            serial=shown.serial,
            act_id=act_id,
            at=at,
            handed_over_at=handed_over_at,
            device_id=who.device_id,
            device_name=who.device_name,
            store_id=who.store_id,
            store_name=who.store_name,
            partner_id=who.partner_id,
            time_zone=who.time_zone,
            clerk_id=clerk_id,
            clerk_name=clerk_name,
        )
        self.books.count(self.store, shown, Outcome.REDEEMED, at)

    def take_back(self, shown: Shown, act_id: str, made_at: Ms, reason: str, by_act_id: str, at: Ms) -> None:
        if shown.serial is None:
            raise ValueError("an unknown coupon can't be taken back")
        del self.books.standing[shown.serial]
        row = {"act_id": act_id, "reason": reason, "by_act_id": by_act_id, "manager_id": None, "at": at}
        self.books.reversals.append(row)
        withdrawn = reason in (NOT_HANDED_OVER, CANCELLED)
        self.books.count(self.store, shown, "withdrawn" if withdrawn else Outcome.REVERSED, made_at)


@dataclass(slots=True)
class Tablet(Desk):
    """An enrolled tablet and its journal. Its private key is forgotten once the demo is made."""

    key: SigningKey = field(default_factory=SigningKey.generate)
    skew_ms: int = 0
    number: int = 0
    previous: str = FIRST_HASH

    def write(self, kind: str, shown: Shown, at: Ms, answer: Answer, **words: Any) -> str:
        """Appends a signed entry; `at` is when the server has it, a moment after the device wrote it."""
        self.number += 1
        device_at = at + self.skew_ms - self.dice.randrange(120, 600)
        head = {"v": VERSION, "n": self.number, "prev": self.previous, "at": device_at, "kind": kind}
        text = dumps(head | words, ensure_ascii=False, separators=(",", ":"))
        self.previous = base64url(sha256(text.encode()).digest())
        signature = self.key.sign(signed_bytes(self.id, text)).signature
        return self.keep(
            kind,
            str(self.number),
            at,
            answer,
            clerk_id=words.get("clerk"),
            serial=shown.serial,
            device_at=device_at,
            entry=text,
            signature=signature,
            fingerprint=self.previous,
        )

    def give(self, shown: Shown, at: Ms, clerk: tuple[str, str], undone: str | None = None) -> Ms:
        """The clerk taps Give. The gift is handed over, or the redemption is undone within a minute."""
        asked = self.ask(shown, at, clerk)
        number = self.number
        given_at = at + self.dice.randrange(250, 900)
        self.write(Kind.GAVE, shown, given_at, Answer(Outcome.NOTED, {"stands": True}), of=number)
        self.stand(shown, asked, at, given_at, clerk)
        done_at = given_at + self.dice.randrange(4_000, 45_000)
        if undone is None:
            self.write("done", shown, done_at, Answer(Outcome.NOTED), of=number)
        else:
            answer = Answer(Outcome.REVERSED, {"coupon": shown.id})
            by = self.write(Kind.UNDO, shown, done_at, answer, of=number, reason=undone)
            self.take_back(shown, asked, at, undone, by, done_at)
        return done_at

    def lose(self, shown: Shown, at: Ms, clerk: tuple[str, str]) -> Ms:
        """The answer came too late: the clerk had gone back already, so the coupon is open again."""
        asked = self.ask(shown, at, clerk)
        number, turned_at = self.number, at + self.dice.randrange(6_000, 20_000)
        self.stand(shown, asked, at, at, clerk)
        by = self.write(Kind.DROP, shown, turned_at, Answer(Outcome.REVERSED, {"coupon": shown.id}), of=number)
        self.take_back(shown, asked, at, NOT_HANDED_OVER, by, turned_at)
        return turned_at

    def ask(self, shown: Shown, at: Ms, clerk: tuple[str, str]) -> str:
        # The answer names the redemption, whose id is made with the act: it is filled in at once.
        asked = self.write(Kind.ASK, shown, at, Answer(Outcome.REDEEMED), coupon=shown.digits, clerk=clerk[0])
        answer_to(self.books.acts[-1], shown)
        return asked

    def decline(self, shown: Shown, at: Ms, clerk: tuple[str, str], code: Verdict) -> Ms:
        """The tablet declines by itself and asks nothing. It notes the decline that the clerk saw."""
        words = {"coupon": shown.digits, "code": code.value, "clerk": clerk[0]}
        self.write(Kind.DECLINE, shown, at, Answer(Outcome.NOTED), **words)
        self.books.count(self.store, shown, f"{Kind.DECLINE}:{code}", at)
        return at + 8_000

    def refuse(self, shown: Shown, at: Ms, clerk: tuple[str, str], reason: str) -> Ms:
        words = {"coupon": shown.digits, "reason": reason, "clerk": clerk[0]}
        self.write(Kind.REFUSAL, shown, at, Answer(Outcome.NOTED), **words)
        self.books.count(self.store, shown, f"{Kind.REFUSAL}:{reason}", at)
        return at + 8_000


@dataclass(slots=True)
class Till(Desk):
    """A partner's own till. It has no clerks and no journal, only attempts and their answers."""

    def give(self, shown: Shown, at: Ms, undone: str | None = None) -> Ms:
        act_id = self.attempt(Kind.REDEEM, shown, at, Answer(Outcome.REDEEMED))
        answer_to(self.books.acts[-1], shown)
        self.stand(shown, act_id, at, at, (None, None))
        if undone is None:
            return at + 5_000
        later = at + self.dice.randrange(20_000, 60_000)
        by = self.attempt(Kind.REVERSE, shown, later, Answer(Outcome.REVERSED, {"coupon": shown.id}))
        self.take_back(shown, act_id, at, undone, by, later)
        return later

    def decline(self, shown: Shown, at: Ms, code: Verdict, details: Row) -> Ms:
        told = ({"coupon": shown.id} if shown.id else {}) | details
        self.attempt(Kind.REDEEM, shown, at, Answer(code, told))
        self.books.count(self.store, shown, f"declined:{code}", at)
        return at + 5_000

    def attempt(self, kind: str, shown: Shown, at: Ms, answer: Answer) -> str:
        name = str(UUID(int=self.dice.getrandbits(128), version=4))
        fingerprint = base64url(sha256(f"{kind} {shown.digits}".encode()).digest())
        return self.keep(kind, name, at, answer, serial=shown.serial, fingerprint=fingerprint)


def answer_to(row: Row, shown: Shown) -> None:
    """The answer to a redemption, which has the redemption's id."""
    told = {"coupon": shown.id, "redemption": row["id"], "redeemed_at": rfc3339(row["at"])}
    row["answer"] = dumps(told, ensure_ascii=False)
