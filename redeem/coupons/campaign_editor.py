"""What the office's campaign editor needs besides `campaigns.py`, whose rules it follows.

A campaign is a draft until its first coupon is issued. A draft may change in any way; later nothing may change that a
customer's coupon promises.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from redeem.accounts.roles import Person, Scope
from redeem.coupons import campaigns
from redeem.coupons.campaigns import changed_words
from redeem.db.models.coupons import Campaign
from redeem.domain.rules import can_issue
from redeem.domain.terms import Terms, parse_terms
from redeem.lib.errors import ChangedMeanwhile, Conflict, NotFound
from redeem.lib.ids import campaign_id
from redeem.lib.text import LONG_NAME_CHARACTERS, clean_name
from redeem.lib.times import MS_PER_MINUTE, Ms
from redeem.partners import directory
from redeem.partners.directory import StoreLine

TWICE_MS = MS_PER_MINUTE


class WordsAreOut(Conflict):
    """Customers hold coupons with the words that would change."""

    code = "words_are_out"
    default_detail = "Customers hold coupons with the words as they were. Say that the new ones promise no less."


class StoppedAgain(ChangedMeanwhile):
    """The stop that is to end is over, and another has begun."""

    default_detail = "Somebody stopped this campaign again. See since when, then let it go on."


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign as a manager sees it. `stores` are those of the manager's scope at which it is good."""

    number: int
    name: str
    terms: Terms
    version: int
    coupons: int
    created_at: Ms
    stopped_at: Ms | None
    restored_at: Ms | None
    stores: Sequence[StoreLine]

    @property
    def id(self) -> str:
        return campaign_id(self.number)

    @property
    def is_draft(self) -> bool:
        return not self.coupons

    def issues_on(self, day: int) -> bool:
        return can_issue(self.terms, day)


def list_plans(session: Session, scope: Scope) -> list[Plan]:
    """Return the campaigns whose coupons are good at a store of the scope, newest first; all of them for the whole shop."""
    stores = directory.list_stores(session, scope)
    plans = [plan_of(row, stores) for row in session.scalars(select(Campaign).order_by(Campaign.number.desc()))]
    return [plan for plan in plans if scope.is_whole or plan.stores]


def list_unconfirmed(session: Session, scope: Scope) -> list[Plan]:
    """Return the campaigns that came back after a restore and wait for a shop manager's confirmation."""
    return [plan for plan in list_plans(session, scope) if plan.restored_at is not None]


def get_plan(session: Session, scope: Scope, number: int | None) -> Plan:
    """Return one campaign. Raises NotFound, also for a campaign that is good at none of the scope's stores."""
    row = session.get(Campaign, number) if number is not None else None
    plan = plan_of(row, directory.list_stores(session, scope)) if row else None
    if plan is None or not (scope.is_whole or plan.stores):
        raise NotFound
    return plan


def plan_of(row: Campaign, stores: Sequence[StoreLine]) -> Plan:
    terms = parse_terms(row.terms)
    issued, stores_of_it = row.coupons - row.skipped, directory.where_good(terms, stores)
    return Plan(
        row.number, row.name, terms, row.version, issued, row.created_at, row.stopped_at, row.restored_at, stores_of_it
    )


def add_campaign(session: Session, person: Person, name: str, terms: Terms, now: Ms) -> int:
    """Make a campaign and return its number. The same campaign again within a minute is a double click and makes no second one.

    Raises Invalid.
    """
    cleaned = clean_name(name, LONG_NAME_CHARACTERS)
    twin = session.scalar(
        select(Campaign.number).where(
            Campaign.name == cleaned, Campaign.terms == terms.text(), Campaign.created_at > now - TWICE_MS
        )
    )
    if twin is not None:
        return twin
    return campaigns.create_campaign(session, person, cleaned, terms, now).number


def change_campaign(
    session: Session,
    person: Person,
    number: int | None,
    version: int,
    name: str,
    terms: Terms,
    now: Ms,
    *,
    promises_no_less: bool = False,
) -> None:
    """Save the campaign as it was edited from `version` on. Saving what is saved already changes nothing.

    Raises NotFound, Invalid, ChangedMeanwhile, CampaignInUse, WordsAreOut.
    """
    row = session.scalar(select(Campaign).where(Campaign.number == number).with_for_update())
    if row is None:
        raise NotFound
    cleaned, before = clean_name(name, LONG_NAME_CHARACTERS), parse_terms(row.terms)
    if cleaned == row.name and terms == before:
        return
    if row.version != version:
        raise ChangedMeanwhile
    campaigns.patch_campaign(session, person, number, now, name=cleaned, changes=dict(terms))
    if campaigns.is_in_use(session, row) and changed_words(before, terms) and not promises_no_less:
        raise WordsAreOut


def let_go_on(session: Session, person: Person, number: int | None, stopped_at: Ms | None, now: Ms) -> None:
    """End the stop that began at `stopped_at`, as the manager saw it. A stop that began later stays.

    A second click changes nothing. Raises NotFound, StoppedAgain.
    """
    row = campaigns.lock_campaign(session, number)
    if row.stopped_at is None:
        return
    if row.stopped_at != stopped_at:
        raise StoppedAgain
    campaigns.patch_campaign(session, person, number, now, stopped=False)
