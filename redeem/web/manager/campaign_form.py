"""The campaign form: keeps what was typed, and reads it as terms, or as what to correct at each field."""

import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Self

from babel import Locale, numbers
from flask_babel import gettext as _
from pydantic import ValidationError
from werkzeug.datastructures import MultiDict

from redeem.domain.terms import LATEST_DATE, AtRisk, Terms
from redeem.lib.days import EPOCH
from redeem.lib.money import AMOUNT_LIMIT_MINOR_UNITS, Money
from redeem.web.languages import LANGUAGES
from redeem.web.manager.forms import Faults

WORDS = ("title", "description", "terms", "picture")
DAYS = ("issue_from", "issue_until", "redeem_from", "redeem_until")
# The limits of each number, both included, as in redeem/domain/terms.py.
NUMBERS = {"valid_days": (1, 3660), "coupons": (1, 1000), "hours": (1, 168), "undo_minutes": (0, 10_080)}
LIMITS = {"title": 120, "description": 2000, "terms": 4000, "picture": 2048, "name": 120}
LANGUAGES_MAX = 20
CURRENCIES = frozenset(Locale("en").currencies)
NOWHERE = "sto_00000000000000000000000000"  # no store has this id: it stands in a preview while no store is chosen

_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,4})?", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,6}", re.ASCII)
_BLANKS = re.compile(r"[ \u00a0\u202f]")
_LANGUAGE = re.compile(r"title_([a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-[A-Z]{2})?)", re.ASCII)
# The form's field for each place in the terms. The fields of an offer are found in `field_of`.
FIELDS = {
    ("windows", "issue", "from"): "issue_from",
    ("windows", "issue"): "issue_until",
    ("windows", "redeem", "from"): "redeem_from",
    ("windows", "redeem"): "redeem_until",
    ("windows", "valid_days"): "valid_days",
    ("windows",): "redeem_from",
    ("partners",): "places",
    ("stores",): "places",
    ("value", "currency"): "currency",
    ("value",): "value",
    ("handling_fee",): "handling_fee",
    ("funding",): "funding",
    ("offline", "at_risk", "coupons"): "coupons",
    ("offline", "at_risk", "value"): "risk_value",
    ("offline", "at_risk", "hours"): "hours",
    ("offline", "at_risk", "bearer"): "bearer",
    ("offline",): "policy",
    ("undo_minutes",): "undo_minutes",
    ("once_per",): "once_per",
    ("name",): "name",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed: every field as text, and the ids of the ticked partners and stores. `languages` are those with fields."""

    fields: Mapping[str, str]
    partners: frozenset[str]
    stores: frozenset[str]

    @property
    def languages(self) -> Sequence[str]:
        found = (_LANGUAGE.fullmatch(name) for name in self.fields)
        others = sorted({match[1] for match in found if match} - LANGUAGES.keys())
        return [*LANGUAGES, *others][:LANGUAGES_MAX]

    def get(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def version(self) -> int:
        return int(self.get("version")) if _WHOLE.fullmatch(self.get("version")) else 0

    @classmethod
    def of_form(cls, form: MultiDict[str, str]) -> Self:
        fields = {name: values[0] for name, values in form.lists() if name not in ("partners", "stores", "csrf_token")}
        return cls(fields, frozenset(form.getlist("partners")), frozenset(form.getlist("stores")))

    @classmethod
    def of_terms(cls, name: str, terms: Terms, version: int = 0) -> Self:
        """The form as one would fill it in for these terms."""
        offers = {f"{word}_{code}": getattr(offer, word) or "" for code, offer in terms.offer.items() for word in WORDS}
        windows = terms.windows
        days = (windows.issue.first, windows.issue.until, windows.redeem.first, windows.redeem.until)
        plain = {
            "name": name,
            "version": str(version),
            **{field: day.isoformat() if day else "" for field, day in zip(DAYS, days, strict=True)},
            "valid_days": str(windows.valid_days or ""),
            "currency": terms.value.currency,
            "value": amount_text(terms.value),
            "handling_fee": amount_text(terms.handling_fee),
            "funding": terms.funding,
            "policy": terms.offline.policy,
            "undo_minutes": str(terms.undo_minutes),
            "once_per": terms.once_per,
        }
        risks = as_typed(terms.offline, terms.value.currency) if isinstance(terms.offline, AtRisk) else {}
        return cls(plain | offers | risks, frozenset(terms.partners), frozenset(terms.stores))


def as_typed(risk: AtRisk, currency: str) -> dict[str, str]:
    return {
        "coupons": str(risk.coupons),
        "risk_value": amount_text(Money(amount=risk.value, currency=currency)),
        "hours": str(risk.hours),
        "bearer": risk.bearer,
    }


def blank(currency: str) -> Typed:
    """The form of a new campaign."""
    plain = {
        "currency": currency,
        "handling_fee": "0",
        "funding": "issuer",
        "policy": "held_only",
        "undo_minutes": "30",
        "once_per": "none",
    }
    risks = {"coupons": "3", "hours": "8", "bearer": "issuer"}
    return Typed(plain | risks, frozenset(), frozenset())


def read_terms(typed: Typed) -> tuple[Terms, Faults]:
    """(terms, faults). If there are faults, the faulty parts of the terms are replaced, so they are fit for a preview only."""
    faults: dict[str, str] = {}
    raw = as_raw(typed, faults)
    terms = validated(raw, faults)
    if terms is None:
        terms = Terms.model_validate_json(json.dumps(mended(raw)))
    if not typed.get("name").strip():
        faults["name"] = sentence("missing", "name")
    return terms, faults


def validated(raw: Mapping[str, Any], faults: dict[str, str]) -> Terms | None:
    try:
        return Terms.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            field = field_of(each["loc"])
            faults.setdefault(field, sentence(each["type"], field, order=field in ("issue_until", "redeem_until")))
        return None


def as_raw(typed: Typed, faults: dict[str, str]) -> dict[str, Any]:
    """The terms as JSON. What can't be read gets a fault and is left out or replaced."""
    currency = read_currency(typed, faults)
    days = {name: read_day(typed, name, faults) for name in DAYS}
    offline: dict[str, Any] = {"policy": typed.get("policy") or "held_only"}
    if offline["policy"] == "at_risk":
        offline |= {name: read_number(typed, name, faults) or 1 for name in ("coupons", "hours")}
        offline |= {"value": read_amount(typed, "risk_value", currency, faults, least=1), "bearer": typed.get("bearer")}
    if not typed.partners and not typed.stores:
        faults["places"] = str(_("Choose at least one partner or store."))
    undo = read_number(typed, "undo_minutes", faults)
    return {
        "offer": read_offers(typed),
        "windows": {
            "issue": {"from": days["issue_from"], "until": days["issue_until"]},
            "redeem": {"from": days["redeem_from"], "until": days["redeem_until"]},
            "valid_days": read_number(typed, "valid_days", faults, required=False),
        },
        "partners": sorted(typed.partners),
        "stores": sorted(typed.stores) or ([] if typed.partners else [NOWHERE]),
        "value": {"amount": read_amount(typed, "value", currency, faults), "currency": currency},
        "handling_fee": {"amount": read_amount(typed, "handling_fee", currency, faults), "currency": currency},
        "funding": typed.get("funding"),
        "offline": offline,
        "undo_minutes": 0 if undo is None else undo,
        "once_per": typed.get("once_per") or "none",
    }


def read_offers(typed: Typed) -> dict[str, dict[str, str]]:
    """The offer in each language that has some text. If none has, the first language, whose title is then missing."""
    offers = {code: {word: plain(typed.get(f"{word}_{code}"), word) for word in WORDS} for code in typed.languages}
    said = {code: {word: text for word, text in offer.items() if text} for code, offer in offers.items()}
    said = {code: offer for code, offer in said.items() if offer} or {typed.languages[0]: {}}
    return {code: {"title": "", **offer} for code, offer in said.items()}


def plain(text: str, word: str) -> str:
    """The text with line ends as one character, and without the blanks around a title or an address."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return lines.strip() if word in ("title", "picture") else lines.strip("\n")


def read_day(typed: Typed, name: str, faults: dict[str, str]) -> str | None:
    text = typed.get(name).strip()
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        faults[name] = str(_("Write a date like 2026-12-31."))
        return None
    if day and not EPOCH <= day <= LATEST_DATE:
        faults[name] = str(_("Choose a day from 2020 to 2199."))
        return None
    return day.isoformat() if day else None


def read_number(typed: Typed, name: str, faults: dict[str, str], *, required: bool = True) -> int | None:
    text, (least, most) = _BLANKS.sub("", typed.get(name)), NUMBERS[name]
    if not text and not required:
        return None
    if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
        faults[name] = str(_("Write a whole number from %(least)s to %(most)s.", least=least, most=most))
        return None
    return int(text)


def read_currency(typed: Typed, faults: dict[str, str]) -> str:
    currency = typed.get("currency").strip().upper()
    if currency not in CURRENCIES:
        faults["currency"] = str(_("Write the three letters of a currency, like RUB or EUR."))
        return "EUR"
    return currency


def read_amount(typed: Typed, name: str, currency: str, faults: dict[str, str], *, least: int = 0) -> int:
    """The amount in minor units. The decimal sign may be a point or a comma."""
    text, digits = _BLANKS.sub("", typed.get(name)).replace(",", "."), numbers.get_currency_precision(currency)
    minor = Decimal(text).scaleb(digits) if _AMOUNT.fullmatch(text) else None
    if minor is None or minor != int(minor) or not least <= minor <= AMOUNT_LIMIT_MINOR_UNITS // 1000:
        example = amount_text(Money(amount=35_000, currency=currency))
        faults[name] = str(_("Write an amount like %(example)s.", example=example))
        return least
    return int(minor)


def amount_text(money: Money) -> str:
    """350.00, with as many decimals as the currency has."""
    return f"{money.major(numbers.get_currency_precision(money.currency)):f}"


def mended(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The terms without their faulty parts, so that a preview can show the rest."""
    whole: dict[str, Any] = deepcopy(dict(raw))
    try:
        Terms.model_validate_json(json.dumps(whole))
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            mend(whole, each["loc"])
    return whole


def mend(whole: dict[str, Any], loc: tuple[int | str, ...]) -> None:
    if loc[:1] == ("offer",) and len(loc) > 2:
        offer, word = whole["offer"][str(loc[1])], str(loc[2])
        offer.pop(word, None)
        offer.setdefault("title", "…")
    elif loc[:1] == ("windows",):
        whole["windows"] = {}
    elif loc[:1] == ("offline",):
        whole["offline"] = {"policy": "held_only"}
    elif loc[:1] == ("funding",):
        whole["funding"] = "issuer"
    elif loc[:1] == ("once_per",):
        whole["once_per"] = "none"
    else:
        whole |= {"partners": [], "stores": [NOWHERE]}


def field_of(loc: Sequence[int | str]) -> str:
    """The form's field for a place in the terms. "" is the form as a whole."""
    if loc and loc[0] == "offer" and len(loc) > 2:
        return f"{loc[2]}_{loc[1]}"
    names = tuple(str(step) for step in loc)
    return next((FIELDS[names[:length]] for length in range(len(names), 0, -1) if names[:length] in FIELDS), "")


def sentence(fault: str, field: str, *, order: bool = False) -> str:
    """What to correct, as a sentence. `fault` is pydantic's type of the error."""
    word = field.partition("_")[0]
    if fault == "string_too_long":
        return str(_("Write at most %(most)s characters.", most=LIMITS.get(word, 120)))
    if word == "picture":
        return str(_("Write an address that begins with https:// or with a single /."))
    if fault == "string_pattern_mismatch":
        return str(_("Remove characters that can't be printed."))
    if order and fault == "value_error":
        return str(_("The last day can't be before the first."))
    if fault in ("greater_than_equal", "less_than_equal"):
        return str(_("Choose a day from 2020 to 2199."))
    if fault in ("value_error", "missing", "string_too_short"):
        return str(_("Fill this in."))
    return str(_("Choose one of these."))
