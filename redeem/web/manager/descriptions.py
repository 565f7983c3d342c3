"""Describes things in the reader's language: a browser, an act, how far a clock is off."""

import re
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from redeem.coupons.history import ActLine
from redeem.domain.acts import Kind, Outcome
from redeem.domain.journal import clock_fault
from redeem.lib.times import MS_PER_MINUTE, Ms
from redeem.web.manager.words import ACTS, ANSWERS, DECLINES, REFUSALS, REVERSALS, Words, word

MINUTES_PER_HOUR = 60
# The answers to an act that went as expected: they are not mentioned.
EXPECTED = (Outcome.REDEEMED, Outcome.NOTED, Outcome.REVERSED, Outcome.RELEASED)
REASONS: Mapping[str, Words] = {Kind.DECLINE: DECLINES, Kind.REFUSAL: REFUSALS, Kind.UNDO: REVERSALS}
# The first match counts: the user agents of many browsers name others, too.
_BROWSERS = (
    ("Edge", re.compile(r"\bEdg")),
    ("Opera", re.compile(r"\bOPR/")),
    ("Yandex Browser", re.compile(r"\bYaBrowser/")),
    ("Firefox", re.compile(r"\bFirefox/|\bFxiOS/")),
    ("Chrome", re.compile(r"\b(Headless)?Chrome/|\bCriOS/")),
    ("Safari", re.compile(r"\bSafari/")),
)
_SYSTEMS = (
    ("Android", re.compile(r"\bAndroid\b")),
    ("iPad", re.compile(r"\biPad\b")),
    ("iPhone", re.compile(r"\biPhone\b")),
    ("Windows", re.compile(r"\bWindows\b")),
    ("macOS", re.compile(r"\bMac OS X\b|\bMacintosh\b")),
    ("Linux", re.compile(r"\bLinux\b")),
)


def browser(user_agent: str) -> str:
    """`Firefox · Linux`; for an unknown browser the first 40 characters of its user agent."""
    known = [next((name for name, sign in kinds if sign.search(user_agent)), "") for kinds in (_BROWSERS, _SYSTEMS)]
    return " · ".join(filter(None, known)) or user_agent[:40]


def describe(act: ActLine) -> str:
    """An act in one line: what was done, and the answer to it unless that was the expected one."""
    if act.kind == Kind.SAID:
        return said(act.body)
    done = word(ACTS, act.kind)
    if act.code in DECLINES:
        return str(_("Declined: %(reason)s", reason=word(DECLINES, act.code)))
    if act.kind in REASONS and act.reason:
        return f"{done}: {word(REASONS[act.kind], act.reason)}"
    return done if act.code in EXPECTED else f"{done}: {word(ANSWERS, act.code)}"


def said(body: Mapping[str, Any]) -> str:
    """What a tablet that was enrolled anew says of a gift of its former journal."""
    if body.get("handed_over") is True:
        return str(_("The tablet that was enrolled anew says: handed over"))
    return str(_("The tablet that was enrolled anew says: not handed over"))


def clock(body: Mapping[str, Any]) -> str:
    """How wrong the tablet knew its clock to be when it wrote an entry. Empty if it knew of no fault."""
    known = clock_fault(body)
    if known is None:
        return ""
    said = _("set back") if known == "back" else skew(known)
    return str(_("the tablet knew that its clock was wrong: %(fault)s", fault=said))


def skew(ms: Ms) -> str:
    """`3 min fast`; from an hour on in hours: `2 h slow`."""
    minutes = max(1, round(abs(ms) / MS_PER_MINUTE))
    if minutes < MINUTES_PER_HOUR:
        length = ngettext("%(num)s min", "%(num)s min", minutes)
    else:
        length = ngettext("%(num)s h", "%(num)s h", round(minutes / MINUTES_PER_HOUR))
    return str(_("%(time)s fast", time=length) if ms > 0 else _("%(time)s slow", time=length))
