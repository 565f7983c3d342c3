"""Small things told in words: how far a clock is off, and which browser a long name means."""

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
# What comes of an act when nothing stands in its way.
EXPECTED = (Outcome.REDEEMED, Outcome.NOTED, Outcome.REVERSED, Outcome.RELEASED)
REASONS: Mapping[str, Words] = {Kind.DECLINE: DECLINES, Kind.REFUSAL: REFUSALS, Kind.UNDO: REVERSALS}
# The first that fits: many browsers name others beside themselves.
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
    """Firefox · Linux; or the beginning of what it calls itself."""
    known = [next((name for name, sign in kinds if sign.search(user_agent)), "") for kinds in (_BROWSERS, _SYSTEMS)]
    return " · ".join(filter(None, known)) or user_agent[:40]


def told(act: ActLine) -> str:
    """What happened, in one line: what was done, and what came of it where that does not go without saying."""
    done = word(ACTS, act.kind)
    if act.code in DECLINES:
        return str(_("Declined: %(reason)s", reason=word(DECLINES, act.code)))
    if act.kind in REASONS and act.reason:
        return f"{done}: {word(REASONS[act.kind], act.reason)}"
    return done if act.code in EXPECTED else f"{done}: {word(ANSWERS, act.code)}"


def clock(body: Mapping[str, Any]) -> str:
    """What the tablet knew of its clock when it wrote an entry; nothing if that was right as far as it knew."""
    known = clock_fault(body)
    if known is None:
        return ""
    said = _("set back") if known == "back" else skew(known)
    return str(_("the tablet knew that its clock was wrong: %(fault)s", fault=said))


def skew(ms: Ms) -> str:
    """3 min fast; beyond an hour, 2 h slow."""
    minutes = max(1, round(abs(ms) / MS_PER_MINUTE))
    if minutes < MINUTES_PER_HOUR:
        length = ngettext("%(num)s min", "%(num)s min", minutes)
    else:
        length = ngettext("%(num)s h", "%(num)s h", round(minutes / MINUTES_PER_HOUR))
    return str(_("%(time)s fast", time=length) if ms > 0 else _("%(time)s slow", time=length))
