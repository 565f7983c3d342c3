"""The auditor: reads the whole ledger, and says what is wrong with it. He trusts no constraint, and counts for himself."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from json import loads

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.db.models.coupons import Campaign
from redeem.db.models.ledger import Act, Conflict, Redemption, Reversal
from redeem.db.models.partners import Store
from redeem.db.models.reports import Tally
from redeem.domain.acts import CANCELLED, NOT_HANDED_OVER, NOTED, REDEEMING, Kind, Outcome
from redeem.domain.rules import Verdict
from redeem.domain.terms import parse_terms
from redeem.ledger.ledger import UNKNOWN_CAMPAIGN
from redeem.lib.money import Money, add_up
from redeem.lib.times import Ms, local_day
from redeem.partners import settlement
from redeem.redemptions.takers import noted

# Of a module, behind each of whose tests he looks.
ends_in_order = pytest.mark.usefixtures("the_books_are_right_in_the_end")

Count = tuple[int, int, str, str]  # day, campaign, store, outcome


def faults(session: Session) -> list[str]:
    """All that is wrong, a line each."""
    return [*doubles(session), *lost(session), *miscounts(session), *misreckoned(session)]


def doubles(session: Session) -> Iterator[str]:
    """A coupon given twice: two redemptions that stand, or two yeses of which none was taken back."""
    standing = Counter(session.scalars(select(Redemption.serial)))
    yield from (f"coupon {serial} has {n} standing redemptions" for serial, n in standing.items() if n > 1)
    yes = select(Act.serial).where(Act.code == Outcome.REDEEMED, Act.id.not_in(select(Reversal.act_id)))
    untaken = Counter(session.scalars(yes))
    yield from (f"coupon {serial} was given {n} times" for serial, n in untaken.items() if n > 1)
    names = Counter(session.execute(select(Act.device_id, Act.name)))
    yield from (f"{device} did {name} {n} times" for (device, name), n in names.items() if n > 1)


def lost(session: Session) -> Iterator[str]:
    """A yes that neither stands nor was taken back, and a redemption or a reversal of nothing."""
    yes = set(session.scalars(select(Act.id).where(Act.code == Outcome.REDEEMED)))
    standing = set(session.scalars(select(Redemption.act_id)))
    taken_back = set(session.scalars(select(Reversal.act_id)))
    second = set(session.scalars(select(Conflict.act_id)))  # may come to stand, and be taken back, later
    second |= given_after_all(session)
    yield from (f"{act} is lost" for act in yes - standing - taken_back)
    yield from (f"{act} stands and was taken back" for act in standing & taken_back)
    yield from (f"{act} was never a yes" for act in (standing | taken_back) - yes - second)


def miscounts(session: Session) -> Iterator[str]:
    """Where the tally is not what the acts say."""
    told, true = tallied(session), recount(session)
    for count in sorted(told.keys() | true.keys()):
        if told[count] != true[count]:
            yield f"{count} was tallied {told[count]} times and happened {true[count]} times"


def misreckoned(session: Session) -> Iterator[str]:
    """Where the open account and the statements of a partner, together, are not what the shop owes for each gift that stands."""
    true = owed(session)
    for account in settlement.list_accounts(session):
        told, due = (
            [each for each in sums if each.amount] for sums in (account.in_all, add_up(true[account.partner_id]))
        )
        if told != due:
            yield f"{account.partner_name} is told to be owed {told} and is owed {due}"


def owed(session: Session) -> dict[str, list[Money]]:
    """By partner, an amount for each gift that was handed over and stands, and for each second one that the shop bears."""
    first = select(Redemption.serial, Redemption.act_id).where(Redemption.handed_over_at.is_not(None))
    second = select(Conflict.serial, Conflict.act_id).where(
        Conflict.bearer == "issuer", Conflict.withdrawn_at.is_(None)
    )
    amounts: dict[str, list[Money]] = defaultdict(list)
    for serial, act_id in [*session.execute(first), *session.execute(second)]:
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
    """What the tally must be, from the acts and what became of them alone."""
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
    reversed_acts = select(Act, Reversal.reason).join(Reversal, Reversal.act_id == Act.id)
    for act, reason in session.execute(reversed_acts):
        count(act, "withdrawn" if reason in (NOT_HANDED_OVER, CANCELLED) else Outcome.REVERSED, act.at)
    return counts


def outcome_of(act: Act) -> str | None:
    """What an act counts as when it is taken, or None."""
    if act.code == Outcome.REDEEMED:
        return act.code
    if act.kind in REDEEMING and act.code in (*Verdict, Outcome.RECOVERING):
        return f"declined:{act.code}"
    if act.kind in NOTED:
        said = loads(act.entry or "{}")
        return noted(act.kind, said.get("reason") or said.get("code"))
    return None


def second_gifts(session: Session) -> list[Act]:
    """One act for each: a tablet may say of the same gift more than once that it gave it."""
    acts = session.scalars(select(Act).where(Act.code == Outcome.CONFLICT).order_by(Act.at.desc()))
    return list({(act.device_id, str(loads(act.entry or "{}").get("of", act.name))): act for act in acts}.values())


def given_after_all(session: Session) -> set[str]:
    """Asks that were answered no, and of which the tablet says that it gave: the yes before that is lost, with what a backup lacked."""
    said = {attempt(act, "of") for act in session.scalars(select(Act).where(Act.kind == Kind.GAVE))}
    asks = session.scalars(select(Act).where(Act.kind == Kind.ASK, Act.code != Outcome.REDEEMED))
    return {ask.id for ask in asks if attempt(ask, "n") in said}


def attempt(act: Act, member: str) -> tuple[str, int | None]:
    """Whose attempt, and its number. What is admitted for a device that is not known here names that device."""
    whose = act.name.partition("/")[0] if act.name.startswith("dev_") else act.device_id
    return whose, loads(act.entry or "{}").get(member)


def came_to_stand(session: Session) -> set[str]:
    """Second gifts, and gifts after all, that stand, or stood until they were taken back themselves."""
    seconds = set(session.scalars(select(Conflict.act_id))) | given_after_all(session)
    stand = session.scalars(select(Redemption.act_id).where(Redemption.act_id.in_(seconds)))
    stood = session.scalars(select(Reversal.act_id).where(Reversal.act_id.in_(seconds)))
    return {*stand, *stood}
