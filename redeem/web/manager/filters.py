"""The filter of the overview: period, campaign, partner, store. It is part of the address, so charts, tables and CSV share it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask import request

from redeem.accounts.roles import Person, Scope
from redeem.coupons import campaign_list
from redeem.coupons.campaign_list import CampaignLine
from redeem.lib.days import EPOCH, to_date, to_day
from redeem.lib.errors import NotFound
from redeem.lib.times import Ms, local_day
from redeem.partners import directory
from redeem.partners.directory import PartnerLine, StoreLine
from redeem.reports.overview import Period, Question
from redeem.web.context import read

PERIODS = (7, 30, 90, 365)
USUAL_DAYS = 30
CUSTOM = "custom"
DAYS_MAX = 1100
FIRST_DATE, LAST_DATE = EPOCH, date(2099, 12, 31)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the manager may filter by: the campaigns, partners and stores of their scope."""

    campaigns: Sequence[CampaignLine]
    partners: Sequence[PartnerLine]
    stores: Sequence[StoreLine]


@dataclass(frozen=True, slots=True)
class Filter:
    """The filter that the address asks for. `fault`: its period could not be read, so the last USUAL_DAYS days are shown."""

    question: Question
    choices: Choices
    days: str
    campaign: str
    partner: str
    store: str
    fault: bool

    @property
    def first(self) -> date:
        return to_date(self.question.period.first)

    @property
    def last(self) -> date:
        return to_date(self.question.period.last)

    @property
    def is_narrow(self) -> bool:
        return bool(self.campaign or self.partner or self.store)

    @property
    def address(self) -> dict[str, str]:
        """The query that asks for the same filter."""
        dates = {"from": self.first.isoformat(), "until": self.last.isoformat()} if self.days == CUSTOM else {}
        named = {"days": self.days, **dates, "campaign": self.campaign, "partner": self.partner, "store": self.store}
        return {name: value for name, value in named.items() if value}

    @property
    def stores_of_partner(self) -> Sequence[StoreLine]:
        return [store for store in self.choices.stores if self.partner in ("", store.partner_id)]


def read_filter(person: Person, now: Ms) -> Filter:
    """The filter of this request. Raises NotFound for a campaign, partner or store that the manager does not know."""
    choices = read_choices(person.scope)
    campaign = known(request.args.get("campaign", ""), [each.id for each in choices.campaigns])
    partner = known(request.args.get("partner", ""), [each.id for each in choices.partners])
    store = known(request.args.get("store", ""), [each.id for each in choices.stores])
    days, period, fault = read_period(today(choices.stores, now))
    number = next((each.number for each in choices.campaigns if each.id == campaign), None)
    question = Question(person.scope, period, number, Scope(partner or None, store or None))
    return Filter(question, choices, days, campaign, partner, store, fault)


def read_choices(scope: Scope) -> Choices:
    return read(
        lambda db: Choices(
            campaign_list.list_campaigns(db, scope),
            directory.list_partners(db, scope),
            directory.list_stores(db, scope),
        )
    )


def known(wanted: str, ids: Sequence[str]) -> str:
    if wanted and wanted not in ids:
        raise NotFound
    return wanted


def today(stores: Sequence[StoreLine], now: Ms) -> int:
    """The latest calendar day at any of the stores."""
    return max((local_day(now, store.time_zone) for store in stores), default=local_day(now, "UTC"))


def read_period(today: int) -> tuple[str, Period, bool]:
    """(the choice, its period, whether it could not be read)."""
    wanted = request.args.get("days", str(USUAL_DAYS))
    if wanted in map(str, PERIODS):
        return wanted, Period(today - int(wanted) + 1, today), False
    first, last = read_day("from"), read_day("until")
    if wanted == CUSTOM and first is not None and last is not None and first <= last < first + DAYS_MAX:
        return CUSTOM, Period(first, last), False
    return str(USUAL_DAYS), Period(today - USUAL_DAYS + 1, today), True


def read_day(name: str) -> int | None:
    """The day in this argument, None if it is no date or not within FIRST_DATE to LAST_DATE: counts have days in 16 bits."""
    try:
        day = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    return to_day(day) if FIRST_DATE <= day <= LAST_DATE else None
