"""The lies, one function each, by what they say. `redeem` judges them: docs/protocol.md, "What the server believes".

A lie is told in steps. Up to the first `yield` everybody is honest; there the ledger is backed up. A lie that needs a past which the
backup lacks goes on with that, and yields once more: then the backup is put back. What follows is the lie.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from json import dumps
from typing import Any

from nacl.signing import SigningKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from redeem.accounts.audit import OPERATOR
from redeem.coupons import campaigns
from redeem.db.models.coupons import Coupon
from redeem.devices import moves
from redeem.domain import short_codes, tokens
from redeem.domain.acts import Act
from redeem.domain.signing_keys import KeyStatus
from redeem.ledger import signing
from redeem.ledger.rows import KeptAct
from redeem.lib.money import Money
from redeem.lib.sealing import Sealer
from redeem.redemptions import settle, takers
from tests import factories
from tests.hostile.client import EPOCHS_END, OwnTablet
from tests.hostile.scene import DAY, LIMITS, PHASES, Scene

LEAKED = SigningKey(b"a signing key that others have!!")
Guard = tuple[str, Any]
Steps = Callable[[Scene], Iterator[None]]


def believe(*_: object, **__: object) -> bool:
    return True


def find_no_fault(*_: object) -> None:
    return None


def find_one_anothers(*said: Any) -> Any:
    """Books a device's own second gift as if another device had given the first."""
    taking, coupon, standing, act_id = said
    return second_gift(taking, coupon, replace(standing, device_id=""), act_id)


def find_as_if_never_taken_back(session: Session, act: Act) -> KeptAct | None:
    about = find_about(session, act)
    return about and replace(about, reversal=None)


def find_the_newest(session: Session, *_: object, **__: object) -> int | None:
    return session.scalar(select(func.max(Coupon.serial)))


second_gift, find_about = takers.second_gift, settle.find_about
JUDGE: Guard = ("redeem.redemptions.takers.judge", find_no_fault)
GRANT: Guard = ("redeem.domain.proofs.Proofs.is_grant", believe)
RECEIPT: Guard = ("redeem.domain.proofs.Proofs.is_receipt", believe)
CODE: Guard = ("redeem.domain.proofs.Proofs.is_code", believe)
OWN_SECOND: Guard = ("redeem.redemptions.takers.second_gift", find_one_anothers)
REVERSAL: Guard = ("redeem.redemptions.settle.find_about", find_as_if_never_taken_back)
NO_SUCH_CODE: Guard = ("redeem.sync.entries.find_by_code", find_the_newest)
OWN_REDEMPTION: Guard = ("redeem.redemptions.takers.is_own_and_done", believe)
SIGNED_OLD: Guard = ("redeem.sync.old_journals.is_signed", believe)
SIGNED_ADMITTED: Guard = ("redeem.sync.quarantine.is_signed", believe)
SIGNED_ENTRY: Guard = ("redeem.sync.sync.check_entry", find_no_fault)
SIGNED_REQUEST: Guard = ("redeem.web.clerk.signatures.Signed.accepts", believe)


@dataclass(frozen=True)
class Lie:
    """`rule` is what the contested gift breaks, None if no gift comes of the lie. `gifts` of what is told are true, and owed.

    `guards` are what stands against it: without them it changes what is owed. `restored`: it needs a past that the backup lacks.
    """

    steps: Steps
    guards: tuple[Guard, ...]
    rule: str | None = None
    gifts: int = 0
    restored: bool = False
    phases: tuple[str, ...] = PHASES

    @property
    def name(self) -> str:
        return self.steps.__name__.replace("_", " ")


@dataclass
class Table:
    """The lies, in the order in which they are written."""

    lies: list[Lie] = field(default_factory=list)

    def lie(self, *guards: Guard, **said: Any) -> Callable[[Steps], Steps]:
        def add(steps: Steps) -> Steps:
            self.lies.append(Lie(steps, guards or (JUDGE, GRANT), **said))
            return steps

        return add


TABLE = Table()
lie = TABLE.lie


# Coupons that are not good.


@lie(rule="void")
def a_void_coupon_that_its_list_shows(scene: Scene) -> Iterator[None]:
    coupon = scene.coupon()
    scene.database.write(lambda session: factories.void(session, coupon, now=scene.now))
    yield
    scene.liar.tell("gave-at-risk", coupon=coupon.token, list=scene.now + DAY)


@lie(rule="void")
def a_void_coupon_without_a_list(scene: Scene) -> Iterator[None]:
    coupon = scene.coupon()
    scene.database.write(lambda session: factories.void(session, coupon, now=scene.now))
    yield
    scene.liar.tell("gave-held", coupon=coupon.token)


@lie(rule="expired")
def a_coupon_that_expired_five_days_ago(scene: Scene) -> Iterator[None]:
    over = {"redeem": {"until": factories.day(-5, scene.now)}}
    coupon = scene.coupon(both(scene, windows=over, offline=LIMITS), scene.now - 10 * DAY)
    yield
    scene.liar.tell("gave-at-risk", coupon=coupon.token, list=scene.now, at=scene.now - 7 * DAY)


@lie(rule="not_yet_valid")
def a_coupon_that_is_good_in_five_days(scene: Scene) -> Iterator[None]:
    to_come = {"redeem": {"from": factories.day(5, scene.now)}}
    coupon = scene.coupon(both(scene, windows=to_come, offline=LIMITS))
    yield
    scene.liar.tell("gave-at-risk", coupon=coupon.token, list=scene.now, at=scene.now + 7 * DAY)


@lie(rule="wrong_store")
def a_coupon_of_another_partner_at_risk(scene: Scene) -> Iterator[None]:
    coupon = scene.coupon(scene.campaign(partners=[scene.cast.north_partner], offline=LIMITS))
    yield
    scene.liar.tell("gave-at-risk", coupon=coupon.token, list=scene.now)


@lie(rule="wrong_store")
def a_coupon_of_another_partner_as_held(scene: Scene) -> Iterator[None]:
    coupon = scene.coupon(scene.cast.north_only)
    yield
    scene.liar.tell("gave-held", coupon=coupon.token)


# Tokens that it makes itself, with a signing key that has leaked.


@lie(JUDGE, rule="compromised_key", phases=PHASES[:1])
def a_minted_token_of_what_it_holds_by_another_key(scene: Scene) -> Iterator[None]:
    coupon = scene.granted(scene.liar)
    real = tokens.read(coupon.token)

    def leak(session: Session) -> int:
        kid = signing.rotate(session, Sealer([factories.SECRET]), scene.now, seed=bytes(LEAKED))
        signing.rotate(session, Sealer([factories.SECRET]), scene.now)
        signing.set_status(session, kid, KeyStatus.COMPROMISED, scene.now)
        return kid

    minted = tokens.sign(real.campaign, real.number, real.last_day, LEAKED, scene.database.write(leak))
    scene.app.extensions["redeem"]._known = None
    yield
    grant = scene.liar.grants[coupon.id]
    scene.liar.tell("gave-held", coupon=tokens.write(minted), epoch=grant.epoch, grant=grant.proof)


# Gifts without a network, of what is not held.


@lie(rule="not_held")
def an_unheld_coupon_of_held_only_as_held(scene: Scene) -> Iterator[None]:
    coupon = scene.coupon(scene.held_only)
    yield
    scene.liar.tell("gave-held", coupon=coupon.token)


@lie(rule="not_held")
def an_unheld_coupon_of_held_only_at_risk(scene: Scene) -> Iterator[None]:
    coupon = scene.coupon(scene.held_only)
    yield
    scene.liar.tell("gave-at-risk", coupon=coupon.token, list=scene.now)


@lie(rule="over_limit", gifts=3)
def ten_at_risk_where_the_limit_is_three(scene: Scene) -> Iterator[None]:
    coupons = [scene.coupon() for _ in range(10)]
    yield
    for coupon in coupons:
        scene.liar.write("gave-at-risk", coupon=coupon.token, list=scene.now)
    scene.liar.sync()


@lie(RECEIPT, rule="over_limit", gifts=3)
def ten_at_risk_with_receipts_of_its_own_making(scene: Scene) -> Iterator[None]:
    coupons = [scene.coupon() for _ in range(10)]
    yield
    for number, coupon in enumerate(coupons, len(scene.liar.journal) + 1):
        made_up = {"generation": 1, "number": number - 1, "hash": "A" * 43, "at": scene.now, "proof": "A" * 86}
        scene.liar.write("gave-at-risk", coupon=coupon.token, list=scene.now, receipt=made_up)
    scene.liar.sync()


@lie(rule="over_limit")
def one_at_risk_that_is_worth_more_than_the_limit(scene: Scene) -> Iterator[None]:
    coupon = scene.coupon(both(scene, offline=LIMITS | {"value": 34_999}))
    yield
    scene.liar.tell("gave-at-risk", coupon=coupon.token, list=scene.now)


@lie(rule="listed")
def one_at_risk_that_its_list_shows_as_given(scene: Scene) -> Iterator[None]:
    coupon = given_at_the_north(scene)
    yield
    scene.liar.tell("gave-at-risk", coupon=coupon.token, list=scene.now + DAY)


@lie(rule="old_list")
def one_at_risk_without_a_list(scene: Scene) -> Iterator[None]:
    coupon = scene.coupon()
    yield
    scene.liar.tell("gave-at-risk", coupon=coupon.token)


@lie(rule="old_list")
def one_at_risk_by_a_list_of_last_week(scene: Scene) -> Iterator[None]:
    coupon = scene.coupon()
    yield
    scene.liar.tell("gave-at-risk", coupon=coupon.token, list=scene.now - 7 * DAY)


# Gifts on a yes.


@lie(rule="no_yes")
def a_gift_after_a_decline(scene: Scene) -> Iterator[None]:
    coupon = given_at_the_north(scene)
    yield
    scene.liar.tell("ask", coupon=coupon.token)
    scene.liar.tell("gave", of=len(scene.liar.journal))


@lie(rule="no_yes")
def a_gift_with_the_yes_of_another_ask(scene: Scene) -> Iterator[None]:
    coupon, own = given_at_the_north(scene), scene.coupon()
    scene.liar.tell("ask", coupon=own.token)
    yes = scene.liar.yeses[len(scene.liar.journal)]
    scene.liar.tell("gave", of=len(scene.liar.journal), yes=yes)
    yield
    scene.liar.tell("ask", coupon=coupon.token)
    scene.liar.tell("gave", of=len(scene.liar.journal), yes=yes)


@lie(rule="no_yes")
def a_gift_with_the_yes_of_another_tablet(scene: Scene) -> Iterator[None]:
    coupon, honest = scene.coupon(), scene.honest
    assert honest.tell("ask", coupon=coupon.token) == "redeemed"
    asked = len(honest.journal)
    honest.tell("gave", of=asked)
    yield
    scene.liar.tell("ask", coupon=coupon.token)
    scene.liar.tell("gave", of=len(scene.liar.journal), yes=honest.yeses[asked])


@lie(REVERSAL)
def a_gift_of_an_ask_that_was_dropped(scene: Scene) -> Iterator[None]:
    coupon = scene.coupon()
    scene.liar.tell("ask", coupon=coupon.token)
    asked = len(scene.liar.journal)
    scene.liar.tell("drop", of=asked)
    yield
    scene.liar.tell("gave", of=asked, yes=scene.liar.yeses[asked])


# Holds that are not the device's own, or not any more.


@lie(rule="not_held")
def a_grant_of_another_tablet(scene: Scene) -> Iterator[None]:
    coupon = scene.held_by_honest()
    yield
    scene.liar.tell("gave-held", coupon=coupon.token, **scene.honest.grants[coupon.id].shown)


@lie(rule="not_held")
def a_grant_of_another_coupon(scene: Scene) -> Iterator[None]:
    own, coupon = scene.granted(scene.liar), scene.coupon(scene.held_only)
    yield
    scene.liar.tell("gave-held", coupon=coupon.token, **scene.liar.grants[own.id].shown)


@lie(rule="not_held")
def a_grant_of_another_epoch(scene: Scene) -> Iterator[None]:
    coupon = released(scene)
    yield
    later = scene.liar.grants[coupon.id].shown | {"epoch": scene.liar.grants[coupon.id].epoch + 1}
    scene.liar.tell("gave-held", coupon=coupon.token, **later)


@lie(rule="not_held")
def a_grant_that_was_released(scene: Scene) -> Iterator[None]:
    coupon = released(scene)
    yield
    scene.liar.tell("gave-held", coupon=coupon.token, **scene.liar.grants[coupon.id].shown)


@lie(rule="not_held")
def a_grant_from_before_a_move(scene: Scene) -> Iterator[None]:
    coupon = scene.granted(scene.liar)
    move(scene)
    yield
    scene.liar.tell("gave-held", coupon=coupon.token, **scene.liar.grants[coupon.id].shown)


@lie(JUDGE, rule="not_held")
def epochs_beyond_every_generation(scene: Scene) -> Iterator[None]:
    coupon = scene.coupon(scene.held_only)
    yield
    for epoch in (5 * 2**32 + 1, EPOCHS_END, EPOCHS_END + 1, 10**30, -1):
        scene.liar.tell("gave-held", coupon=coupon.token, epoch=epoch, grant="A" * 86)


@lie(rule="not_held")
def a_photographed_token_of_what_another_tablet_holds(scene: Scene) -> Iterator[None]:
    coupon = scene.held_by_honest()
    yield
    scene.liar.tell("gave-held", coupon=coupon.token)
    scene.liar.tell("gave-at-risk", coupon=coupon.token, list=scene.now)


@lie(rule="no_yes")
def a_gift_after_the_answer_that_another_tablet_holds_it(scene: Scene) -> Iterator[None]:
    coupon = scene.held_by_honest()
    yield
    scene.liar.tell("ask", coupon=coupon.token)
    scene.liar.tell("gave", of=len(scene.liar.journal))


@lie(OWN_SECOND)
def thirty_one_gifts_of_one_token(scene: Scene) -> Iterator[None]:
    coupon = scene.granted(scene.liar, scene.risky)
    held = scene.liar.grants[coupon.id].shown
    scene.liar.tell("gave-held", coupon=coupon.token, **held)
    yield
    for _ in range(30):
        scene.liar.write("gave-held", coupon=coupon.token, **held)
    scene.liar.sync()


# Codes, and what others did.


@lie(NO_SUCH_CODE, JUDGE)
def typed_codes_that_match_nothing(scene: Scene) -> Iterator[None]:
    yield
    for _ in range(20):
        scene.liar.write("gave-held", typed=short_codes.new_code())
    scene.liar.sync()


@lie(OWN_REDEMPTION)
def the_undo_of_anothers_gift(scene: Scene) -> Iterator[None]:
    coupon = scene.coupon()
    given = scene.till.redeem(coupon.token)[1]
    yield
    for of in range(1, 5):
        scene.liar.write("undo", of=of, reason="returned")
    scene.liar.sync()
    scene.liars_till.post(f"/redemptions/{given['id']}/reverse", {"reason": "returned"})


@lie(SIGNED_OLD, SIGNED_ADMITTED, JUDGE)
def anothers_journal_as_its_old_one(scene: Scene) -> Iterator[None]:
    coupon = scene.coupon(scene.held_only)
    number = len(scene.honest.journal) + 1
    said = {"v": 1, "n": number, "prev": "A" * 43, "at": scene.now, "kind": "gave-held", "coupon": coupon.token}
    yield
    forged = scene.liar.entry(dumps(said), scene.honest.device)
    scene.liar.sync(old={"device": scene.honest.device, "entries": [forged]})
    scene.admit_all()


@lie(rule="not_held")
def the_old_journal_of_a_tablet_that_never_was(scene: Scene) -> Iterator[None]:
    coupon, device = scene.coupon(scene.held_only), "dev_" + "0" * 26
    said = {"v": 1, "n": 1, "prev": "A" * 43, "at": scene.now, "kind": "gave-held", "coupon": coupon.token}
    yield
    scene.liar.sync(old={"device": device, "entries": [scene.liar.entry(dumps(said), device)]})
    scene.admit_all()


@lie(SIGNED_REQUEST, SIGNED_ENTRY, JUDGE)
def a_gift_in_anothers_name(scene: Scene) -> Iterator[None]:
    coupon, honest = scene.coupon(scene.held_only), scene.honest
    yield
    forger = OwnTablet(honest.http, honest.device, scene.liar.key, [*honest.journal], honest.taken)
    forger.tell("gave-held", coupon=coupon.token)


# To a ledger that was restored.


@lie(JUDGE, rule="no_yes", restored=True, phases=PHASES[1:2])
def a_redemption_that_the_till_never_had(scene: Scene) -> Iterator[None]:
    coupon = scene.coupon()
    yield
    yield
    made_up = {"id": "rdm_" + "0" * 26, "coupon": coupon.id, "redeemed_at": "2026-11-21T08:33:20Z"}
    scene.liars_till.say_again(coupon.token, made_up, "never sent")


@lie(JUDGE, rule="no_yes", restored=True, phases=PHASES[1:2])
def anothers_redemption_with_its_proof(scene: Scene) -> Iterator[None]:
    coupon = scene.coupon()
    yield
    answer = scene.till.redeem(coupon.token, "of the north")[1]
    yield
    scene.liars_till.say_again(coupon.token, answer, "of the north")


@lie(JUDGE, rule="no_yes", restored=True, phases=PHASES[1:2])
def its_own_proof_for_another_coupon(scene: Scene) -> Iterator[None]:
    own, coupon = scene.coupon(), scene.coupon()
    answer = scene.liars_till.redeem(own.token, "one")[1]
    yield
    yield
    scene.liars_till.say_again(coupon.token, answer | {"coupon": coupon.id}, "two")


@lie(CODE, JUDGE, restored=True, phases=PHASES[1:])
def the_proof_of_another_coupons_code(scene: Scene) -> Iterator[None]:
    """Both were issued after the backup, and the liar held one of them. Whoever had both coupons' words would give two gifts for one."""
    yield
    own, coupon = scene.granted(scene.liar), scene.coupon(scene.held_only)
    yield
    shown = {"typed": own.short_code, "id": coupon.id, "proof": scene.liar.grants[own.id].code_proof}
    scene.liar.tell("gave-held", **shown)


@lie(("redeem.partners.settlement.leave_out_unconfirmed", lambda *_: Counter()), restored=True, phases=PHASES[1:])
def an_older_copy_of_a_campaign(scene: Scene) -> Iterator[None]:
    """It said that each gift is worth a thousand times as much, until the shop corrected it, before it issued any."""
    yield
    dear = {"amount": 35_000_000, "currency": "RUB"}
    number = scene.campaign(partners=[scene.cast.south_partner], value=dear)
    copies = scene.liar.sync()["snapshot"]["copies"]
    changes = {"value": Money(amount=35_000, currency="RUB")}
    scene.database.write(lambda s: campaigns.patch_campaign(s, OPERATOR, number, scene.now, changes=changes))
    coupon = scene.granted(scene.liar, number)
    yield
    scene.report(scene.liar, copies=copies)
    grant = scene.liar.grants[coupon.id]
    scene.liar.tell("gave-held", coupon=coupon.token, epoch=grant.epoch, grant=grant.proof)


@lie(("redeem.redemptions.judge.is_over", lambda *_: False), rule="not_held", restored=True, phases=PHASES[2:])
def a_grant_whose_release_the_backup_lacks(scene: Scene) -> Iterator[None]:
    """An honest tablet was granted the coupon after it, and has reported that. The liar leaves the release out of its journal."""
    coupon = scene.granted(scene.liar)
    yield
    grant, written = scene.liar.grants[coupon.id], [*scene.liar.journal]
    scene.liar.tell("release", id=coupon.id, epoch=grant.epoch)
    scene.grant(scene.honest, coupon)
    scene.held.append(coupon)
    scene.liar.journal[:], scene.liar.taken = written, len(written)
    yield
    scene.liar.tell("gave-held", coupon=coupon.token, **grant.shown)


def tell(lie: Lie, scene: Scene, phase: str) -> dict[str, int]:
    """Tells the lie in a phase of the ledger's life. What was owed before it."""
    steps = lie.steps(scene)
    next(steps)
    if phase != PHASES[0]:
        scene.vault.back_up()
    if lie.restored:
        next(steps)
    scene.enter(phase)
    before = scene.owed()
    assert next(steps, None) is None
    return before


# What the lies need.


def both(scene: Scene, **terms: Any) -> int:
    return scene.campaign(partners=[scene.cast.north_partner, scene.cast.south_partner], **terms)


def given_at_the_north(scene: Scene) -> Any:
    """A coupon whose second gift the shop would bear."""
    coupon = scene.coupon()
    assert scene.till.redeem(coupon.token)[0] == 201
    return coupon


def released(scene: Scene) -> Any:
    """A coupon that the liar held and has given back."""
    coupon = scene.granted(scene.liar)
    assert scene.liar.tell("release", id=coupon.id, epoch=scene.liar.grants[coupon.id].epoch) == "released"
    return coupon


def move(scene: Scene) -> None:
    """The liar's tablet moves to the north store."""
    liar = scene.liar
    heard = max(grant.epoch for grant in liar.grants.values())
    scene.database.write(
        lambda s: moves.move_device(s, factories.person(s, scene.manager_id), liar.device, scene.cast.north, scene.now)
    )
    liar.write("move", store=scene.cast.north, epoch=heard)
    assert liar.sync(epoch=heard)["answers"][str(len(liar.journal))]["code"] == "moved"
