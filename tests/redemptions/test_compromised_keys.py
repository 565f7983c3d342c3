"""A signing key is compromised: what was given before its tablet could know stands, and from then on every coupon of it is refused."""

from dataclasses import replace

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from redeem.db.models.coupons import Coupon
from redeem.db.models.ledger import Conflict
from redeem.domain import tokens
from redeem.domain.judgement import REQUEST_AGE_MAX_MS
from redeem.domain.signing_keys import KeyStatus
from redeem.ledger import signing
from redeem.lib.sealing import Sealer
from redeem.partners import settlement
from redeem.recovery import restore
from tests import factories
from tests.books import ends_in_order
from tests.counters import serials
from tests.databases import on_both_databases
from tests.factories import NOW, SECRET

pytestmark = [on_both_databases, ends_in_order]
RISK = {"policy": "at_risk", "coupons": 5, "value": 1_000_000, "hours": 24, "bearer": "issuer"}
LEAKED = SigningKey(b"a signing key that others have!!")


@pytest.fixture(autouse=True)
def leaked(counters):
    """All coupons are signed with a key that others have, too."""
    return counters.write(lambda s: signing.rotate(s, Sealer([SECRET]), NOW, seed=bytes(LEAKED)))


@pytest.fixture
def compromise(counters, leaked):
    """Mark the leaked key as compromised. New coupons are signed by another."""

    def work(session):
        signing.rotate(session, Sealer([SECRET]), NOW)
        signing.set_status(session, leaked, KeyStatus.COMPROMISED, NOW)

    return lambda: counters.write(work)


def rules(counters):
    return counters.read(lambda s: list(s.scalars(select(Conflict.rule).order_by(Conflict.act_id))))


def owed(counters):
    return sum(sum(money.amount for money in account.owed) for account in counters.read(settlement.list_accounts))


def hears(tablet):
    """Syncs until it names a snapshot in which the key is compromised."""
    tablet.sync(known=tablet.sync().snapshot["etag"])


def minted(coupon, kid, **changes):
    """A token that somebody with the leaked key has made for this coupon's number."""
    real = tokens.read(coupon.token)
    token = tokens.sign(real.campaign, real.number, changes.get("last_day", real.last_day), LEAKED, kid)
    return replace(coupon, token=tokens.write(token))


def test_a_gift_under_a_hold_from_before_it_could_know_is_booked_and_owed(counters, tablet, compromise):
    coupon, _ = counters.held()
    tablet.write("gave-held", coupon=coupon.token)
    before = owed(counters)
    compromise()
    assert tablet.sync().answers[1]["code"] == "redeemed"
    assert counters.standing(coupon) is not None
    assert owed(counters) > before


def test_a_typed_one_too(counters, tablet, compromise):
    coupon, _ = counters.held()
    tablet.write("gave-held", typed=coupon.short_code, id=coupon.id)
    compromise()
    assert tablet.sync().answers[1]["code"] == "redeemed"


def test_what_was_written_while_the_news_came_stands(counters, tablet, compromise):
    """The gift was under way as the reply came. It comes with the first request that names the news."""
    coupon, _ = counters.held()
    compromise()
    known = tablet.sync().snapshot["etag"]
    tablet.write("gave-held", coupon=coupon.token)
    assert tablet.sync(known=known).answers[1]["code"] == "redeemed"


def test_a_backlog_that_takes_several_requests_was_written_before_it_heard(counters, tablet, compromise):
    coupon, _ = counters.held()
    for _ in range(400):
        tablet.write("lock")
    number = tablet.write("gave-held", coupon=coupon.token)
    compromise()
    known = tablet.sync(entries=tablet.journal[:200]).snapshot["etag"]
    tablet.sync(entries=tablet.journal[200:400], known=known)
    assert tablet.sync(known=known).answers[number]["code"] == "redeemed"


@pytest.mark.parametrize("by", ["token", "short code"])
def test_what_it_gives_after_it_has_heard_is_contested(counters, tablet, compromise, by):
    coupon, _ = counters.held()
    compromise()
    hears(tablet)
    before = owed(counters)
    shown = {"coupon": coupon.token} if by == "token" else {"typed": coupon.short_code, "id": coupon.id}
    assert tablet.act("gave-held", **shown) == "contested"
    assert (rules(counters), owed(counters)) == (["compromised_key"], before)


def test_who_never_says_that_it_has_heard_is_believed_for_a_day(counters, tablet, compromise):
    coupon, _ = counters.held()
    later = NOW + REQUEST_AGE_MAX_MS + 1
    compromise()
    tablet.sync(now=later)
    tablet.write("gave-held", coupon=coupon.token)
    assert tablet.sync(now=later).answers[1]["code"] == "contested"


def test_a_gift_at_risk_from_before_is_contested(counters, cast, tablet, compromise):
    number = counters.write(lambda s: factories.campaign(s, partners=[cast.north_partner], offline=RISK)).number
    coupon = counters.coupon(campaign=number)
    tablet.write("gave-at-risk", coupon=coupon.token)
    compromise()
    assert tablet.sync().answers[1]["code"] == "contested"
    assert rules(counters) == ["compromised_key"]


@pytest.mark.parametrize("changed", ["the key", "the last day"])
def test_a_token_that_the_shop_has_not_made_proves_nothing_under_a_hold(counters, tablet, leaked, compromise, changed):
    """What the shop has issued it signs alike each time. Whoever mints for another key's number, or another day, shows something else."""
    if changed == "the key":
        counters.write(lambda s: signing.rotate(s, Sealer([SECRET]), NOW))
    coupon, _ = counters.held()
    last_day = tokens.read(coupon.token).last_day - (changed == "the last day")
    forged = minted(coupon, leaked, last_day=last_day)
    compromise()
    assert tablet.act("gave-held", coupon=forged.token) == "contested"
    assert counters.standing(coupon) is None


def test_a_minted_token_of_another_keys_coupon_takes_nothing_from_its_customer(
    counters, cast, tablet, till, leaked, compromise
):
    compromise()
    coupon = counters.coupon()
    forged = minted(coupon, leaked)
    verdict = tablet.sync(verify=forged.token).verdict
    assert (verdict["code"], verdict.get("short_code")) == ("compromised_key", None)
    assert tablet.act("ask", coupon=forged.token) == "compromised_key"
    assert tablet.act("gave-at-risk", coupon=forged.token) == "contested"
    assert till.redeem(coupon).code == "redeemed"


def test_every_way_to_show_it_is_refused_at_once(counters, tablet, till, compromise):
    coupon = counters.coupon()
    compromise()
    asked = {till.redeem(coupon).code, till.verify(coupon).verdict, tablet.act("ask", coupon=coupon.token)}
    asked |= {tablet.sync(verify=coupon.short_code).verdict["code"], tablet.sync(verify=coupon.token).verdict["code"]}
    assert asked == {"compromised_key"}


def test_a_till_that_redeems_in_one_statement_refuses_it_too(counters, till, compromise):
    """Its process may not have heard of it yet: only the statement knows."""
    first, second = counters.coupon(), counters.coupon()
    assert till.redeem(first).code == "redeemed"
    compromise()
    assert till.redeem(second).code == "compromised_key"


def test_a_till_is_told_so_by_token_and_by_short_code(client, counters, cast, compromise):
    coupon = counters.coupon()
    compromise()

    def ask(body, attempt):
        headers = {"Authorization": f"Bearer {cast.north_till}", "Idempotency-Key": attempt}
        got = client.post("/v1/redemptions", json=body, headers=headers)
        return got.status_code, got.json["code"]

    answers = {ask({"token": coupon.token}, "one"), ask({"short_code": coupon.short_code}, "two")}
    assert answers == {(409, "compromised_key")}


def test_the_shop_is_told_so_as_its_status(client, counters, cast, compromise):
    coupon = counters.coupon()
    compromise()
    got = client.get(f"/v1/coupons/{coupon.id}", headers={"Authorization": f"Bearer {cast.shop_key}"})
    assert got.json["status"] == "compromised"


def test_what_was_given_before_is_still_said_to_be_given(counters, tablet, till, compromise):
    coupon = counters.coupon()
    till.redeem(coupon)
    compromise()
    assert tablet.act("ask", coupon=coupon.token) == "already_redeemed"


def test_a_yes_from_before_may_be_acted_on(counters, tablet, compromise):
    coupon = counters.coupon()
    assert tablet.act("ask", coupon=coupon.token) == "redeemed"
    compromise()
    hears(tablet)
    assert tablet.act("gave", of=1) == "noted"
    assert counters.standing(coupon).handed_over_at is not None


def test_its_holds_are_recalled_and_nobody_is_granted_them_again(counters, tablet, compromise):
    coupon, epoch = counters.held()
    promised = counters.homed()
    compromise()
    reply = tablet.sync(epoch=epoch)
    assert (serials(reply.recalls), serials(reply.grants)) == ([coupon.serial], [])
    assert tablet.act("release", id=coupon.id, epoch=epoch) == "released"
    reply = tablet.sync(now=NOW + 3 * 86_400_000)
    assert (serials(reply.recalls), serials(reply.grants)) == ([], [])
    assert (counters.holder(coupon), counters.holder(promised)) == (None, None)


def test_a_grant_names_the_key_so_that_a_tablet_refuses_a_typed_code(counters, tablet, leaked):
    coupon, _ = counters.held()
    assert tablet.grants[coupon.serial].as_json()[7] == leaked


def test_a_lost_coupon_has_its_place_from_a_grant_and_from_no_minted_token(counters, tablet, vault, leaked, compromise):
    """Whoever has the key could fill the numbers that a restore has skipped, before the coupons that other keys have signed."""
    vault.back_up()
    coupon, epoch = counters.held()
    vault.put_back()
    generation = counters.write(lambda s: restore.begin(s, NOW, none_enrolled=True)).generation
    tablet.last = 0
    compromise()
    assert tablet.act("ask", coupon=coupon.token) == "compromised_key"
    assert counters.read(lambda s: s.get(Coupon, coupon.serial)) is None
    tablet.restored(generation, claims=[(coupon.serial, epoch)])
    assert tablet.act("gave-held", coupon=coupon.token) == "redeemed"


def test_without_the_guard_this_would_be_noticed(counters, tablet, compromise, monkeypatch):
    """Control: the gift of a tablet that knew is owed."""
    coupon, _ = counters.held()
    compromise()
    hears(tablet)
    monkeypatch.setattr(signing, "could_know", lambda *_: False)
    assert tablet.act("gave-held", coupon=coupon.token) == "redeemed"
