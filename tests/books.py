"""The auditor: reads the whole ledger and reports what is wrong with it. It relies on no constraint and counts everything itself."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from json import loads

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Campaign, Coupon
from redeem.db.models.ledger import Act, Conflict, Redemption, Reversal
from redeem.db.models.partners import Store
from redeem.db.models.reports import Tally
from redeem.domain.acts import CANCELLED, NOT_HANDED_OVER, NOTED, REDEEMING, Kind, Outcome, counted_as
from redeem.domain.judgement import Rule
from redeem.domain.rules import Verdict
from redeem.domain.terms import parse_terms
from redeem.ledger.ledger import UNKNOWN_CAMPAIGN
from redeem.lib.money import Money, add_up
from redeem.lib.times import Ms, local_day
from redeem.partners import settlement
from tests import news

# Of a module, behind each of whose tests he looks.
ends_in_order = pytest.mark.usefixtures("the_books_are_right_in_the_end")

Count = tuple[int, int, str, str]  # day, campaign, store, outcome


def faults(session: Session) -> list[str]:
    """Returns a line for each fault of the ledger."""
    found = [*doubles(session), *lost(session), *outlived(session), *miscounts(session), *misreckoned(session)]
    return [*found, *news.faults(session, redeemed(session), contested_ids(session))]


def doubles(session: Session) -> Iterator[str]:
    """Returns the coupons that were given twice: two redemptions stand, or two acts were answered yes and neither was undone."""
    standing = Counter(session.scalars(select(Redemption.serial)))
    yield from (f"coupon {serial} has {n} standing redemptions" for serial, n in standing.items() if n > 1)
    yes = select(Act.serial).where(Act.code == Outcome.REDEEMED, Act.id.not_in(select(Reversal.act_id)))
    untaken = Counter(session.scalars(yes))
    yield from (f"coupon {serial} was given {n} times" for serial, n in untaken.items() if n > 1)
    names = Counter(session.execute(select(Act.device_id, Act.name)))
    yield from (f"{device} did {name} {n} times" for (device, name), n in names.items() if n > 1)


def lost(session: Session) -> Iterator[str]:
    """Returns the acts answered yes that neither stand nor were undone, and the redemptions and reversals without an act."""
    yes = set(session.scalars(select(Act.id).where(Act.code == Outcome.REDEEMED)))
    standing = set(session.scalars(select(Redemption.act_id)))
    taken_back = set(session.scalars(select(Reversal.act_id)))
    second = set(session.scalars(select(Conflict.act_id)))  # may come to stand, and be taken back, later
    second |= given_after_all(session)
    yield from (f"{act} is lost" for act in yes - standing - taken_back)
    yield from (f"{act} stands and was taken back" for act in standing & taken_back)
    yield from (f"{act} was never a yes" for act in (standing | taken_back) - yes - second)


def outlived(session: Session) -> Iterator[str]:
    """Returns the coupons that a device holds and was not asked back, although another one's gift, that breaks no rule, stands."""
    contested = set(session.scalars(select(Conflict.act_id).where(Conflict.rule.is_not(None))))
    beside = select(Coupon.serial, Coupon.holder_id, Act).where(
        Coupon.serial == Redemption.serial, Act.id == Redemption.act_id, Coupon.recalled_at.is_(None)
    )
    for serial, holder_id, act in session.execute(beside.where(Coupon.holder_id.is_not(None))):
        if attempt(act, "n")[0] != holder_id and act.id not in contested:
            yield f"coupon {serial} was given by another device than the one that holds it"


def miscounts(session: Session) -> Iterator[str]:
    """Returns the counts of the tally that differ from a count of the acts."""
    told, true = tallied(session), recount(session)
    for count in sorted(told.keys() | true.keys()):
        if told[count] != true[count]:
            yield f"{count} was tallied {told[count]} times and happened {true[count]} times"


def misreckoned(session: Session) -> Iterator[str]:
    """Returns the partners whose open account and statements together differ from what the shop owes for the gifts that stand."""
    true = owed(session)
    for account in settlement.list_accounts(session):
        told, due = (
            [each for each in sums if each.amount] for sums in (account.in_all, add_up(true[account.partner_id]))
        )
        if told != due:
            yield f"{account.partner_name} is told to be owed {told} and is owed {due}"


def owed(session: Session) -> dict[str, list[Money]]:
    """Returns by partner an amount for each gift that stands and is not contested, and for each other that the shop bears.

    Of a restored campaign that nobody has confirmed no gift is owed.
    """
    contested = select(Conflict.act_id).where(Conflict.rule.is_not(None), Conflict.withdrawn_at.is_(None))
    first = select(Redemption.serial, Redemption.act_id).where(
        Redemption.handed_over_at.is_not(None), Redemption.act_id.not_in(contested)
    )
    second = select(Conflict.serial, Conflict.act_id).where(
        Conflict.bearer == "issuer", Conflict.withdrawn_at.is_(None)
    )
    unconfirmed = set(session.scalars(select(Campaign.number).where(Campaign.restored_at.is_not(None))))
    amounts: dict[str, list[Money]] = defaultdict(list)
    for serial, act_id in [*session.execute(first), *session.execute(second)]:
        if serial >> 32 in unconfirmed:
            continue
        terms = parse_terms(session.get_one(Campaign, serial >> 32).terms)
        amount = terms.handling_fee + terms.value if terms.funding == "issuer" else terms.handling_fee
        amounts[session.get_one(Store, session.get_one(Act, act_id).store_id).partner_id].append(amount)
    return amounts


def tallied(session: Session) -> Counter[Count]:
    counts: Counter[Count] = Counter()
    for row in session.scalars(select(Tally)):
        counts[row.day, row.campaign_number, row.store_id, row.outcome] += row.count
    return counts


def recount(session: Session) -> Counter[Count]:
    """Returns what the tally must be, counted from the acts, redemptions and reversals."""
    zones = dict(session.execute(select(Store.id, Store.time_zone)).all())
    counts: Counter[Count] = Counter()

    def count(act: Act, outcome: str, at: Ms) -> None:
        campaign = UNKNOWN_CAMPAIGN if act.serial is None else act.serial >> 32
        counts[local_day(at, zones[act.store_id]), campaign, act.store_id, outcome] += 1

    for act in session.scalars(select(Act)):
        outcome = outcome_of(act)
        if outcome:
            count(act, outcome, act.at)
    for act in second_gifts(session):
        count(act, Outcome.CONFLICT, act.at)
    for act in session.scalars(select(Act).where(Act.id.in_(came_to_stand(session)))):
        count(act, Outcome.REDEEMED, act.at)
    contested = select(Act, Conflict.at).join(Conflict, Conflict.act_id == Act.id).where(Conflict.rule.is_not(None))
    for act, at in session.execute(contested):
        count(act, Outcome.CONTESTED, at)
    denied = set(session.scalars(select(Conflict.act_id).where(Conflict.rule == Rule.NEVER_GIVEN)))  # redeemed before
    reversed_acts = (
        select(Act, Reversal.reason)
        .join(Reversal, Reversal.act_id == Act.id)
        .where(Act.id.not_in(contested_ids(session) - denied))
    )
    for act, reason in session.execute(reversed_acts):
        count(act, "withdrawn" if reason in (NOT_HANDED_OVER, CANCELLED) else Outcome.REVERSED, act.at)
    return counts


def outcome_of(act: Act) -> str | None:
    """Returns the outcome that an act is counted as, or None."""
    if act.code == Outcome.REDEEMED:
        return act.code
    if act.kind in REDEEMING and act.code in (*Verdict, Outcome.RECOVERING):
        return f"declined:{act.code}"
    if act.kind in NOTED:
        said = loads(act.entry or "{}")
        return counted_as(act.kind, said.get("reason") or said.get("code"))
    return None


def second_gifts(session: Session) -> list[Act]:
    """Returns one act for each second gift: a tablet may report the same gift more than once."""
    acts = session.scalars(select(Act).where(Act.code == Outcome.CONFLICT).order_by(Act.at.desc()))
    return list({(act.device_id, str(loads(act.entry or "{}").get("of", act.name))): act for act in acts}.values())


def given_after_all(session: Session) -> set[str]:
    """Returns the asks that were answered no and that the tablet gave all the same: they had a yes, which the backup lacks."""
    said = {attempt(act, "of") for act in session.scalars(select(Act).where(Act.kind == Kind.GAVE))}
    asks = session.scalars(select(Act).where(Act.kind == Kind.ASK, Act.code != Outcome.REDEEMED))
    return {ask.id for ask in asks if attempt(ask, "n") in said}


def attempt(act: Act, member: str) -> tuple[str, int | None]:
    """Returns whose attempt it is, and its number. An entry that was admitted for an unknown device names that device."""
    whose = act.name.partition("/")[0] if act.name.startswith("dev_") else act.device_id
    return whose, loads(act.entry or "{}").get(member)


def contested_ids(session: Session) -> set[str]:
    """The gifts that break a rule: they are no redemptions in the tally, though they may stand."""
    return set(session.scalars(select(Conflict.act_id).where(Conflict.rule.is_not(None))))


def redeemed(session: Session) -> set[str]:
    """Returns the acts that are or were the redemption of their coupon, without those that break a rule."""
    yes = set(session.scalars(select(Act.id).where(Act.code == Outcome.REDEEMED)))
    return yes | came_to_stand(session)


def came_to_stand(session: Session) -> set[str]:
    """Returns the second gifts, and the gifts given after a no, that stand or stood until they were undone themselves."""
    seconds = (set(session.scalars(select(Conflict.act_id))) | given_after_all(session)) - contested_ids(session)
    stand = session.scalars(select(Redemption.act_id).where(Redemption.act_id.in_(seconds)))
    stood = session.scalars(select(Reversal.act_id).where(Reversal.act_id.in_(seconds)))
    return {*stand, *stood}
