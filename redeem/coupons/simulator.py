"""What would a till make of this coupon, at that store and that time? Nothing is changed.

The answer is that of `redeem/domain/rules.py` and `redeem/redemptions/verify.py`, with the store's calendar at that time. What
happened to a coupon is taken as it is now: a coupon that was given today is given in a simulation of yesterday, too.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.orm import Session

from redeem.domain.disclosure import Audience, Field, disclose
from redeem.domain.presented import Actor
from redeem.domain.rules import Facts, Place, Verdict, last_day, why_declined
from redeem.domain.terms import AtRisk, Terms
from redeem.holds import holds
from redeem.ledger import ledger
from redeem.ledger.rows import IssuedCoupon
from redeem.lib.errors import NotFound
from redeem.lib.times import Ms, local_day
from redeem.partners.directory import StoreLine
from redeem.redemptions.verify import RECOVERING, explain, must_wait, tell_holder

# What a tablet says of a good coupon that it does not hold, while it has no network; see static/clerk/counter/deeds.js.
AT_RISK = "at_risk"
OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Scene:
    """Where and when, and whether the tablet there has a network."""

    store: StoreLine
    at: Ms
    online: bool = True

    @property
    def day(self) -> int:
        return local_day(self.at, self.store.time_zone)

    @property
    def actor(self) -> Actor:
        """Return a device of the store that holds nothing."""
        store = self.store
        return Actor("", "", store.id, store.name, store.partner_id, store.time_zone, store.closed_since)


@dataclass(frozen=True, slots=True)
class Simulation:
    """`code` is a Verdict, `at_risk`, `offline` or `recovering`; `details` are what the till would be told; `held_by` is the name of the
    store's own device that holds the coupon and alone gives it at once."""

    code: str
    scene: Scene
    terms: Terms
    last_day: int
    coupon: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    held_by: str | None = None


def of_terms(terms: Terms, scene: Scene, issue_day: int) -> Simulation:
    """Simulate a coupon that would be issued on `issue_day`."""
    facts = Facts(last_day=last_day(terms, issue_day), void=False)
    code = offline(terms) if not scene.online else Verdict.GOOD
    return Simulation(judge(facts, terms, scene) or code, scene, terms, facts.last_day)


def of_coupon(session: Session, serial: int, scene: Scene, audience: Audience, now: Ms) -> Simulation:
    """Simulate a coupon. Whether the reader may know of it is the caller's to check. Raises NotFound."""
    found = ledger.find_coupon(session, serial)
    if found is None:
        raise NotFound
    standing = ledger.find_standing(session, serial)
    held = holds.holder(session, found.holder_id) if found.holder_id else None
    is_here = held is not None and held.store_id == scene.store.id
    facts = replace(found.facts, redeemed=standing is not None)
    declined = judge(facts, found.terms, scene, found.holder_id if is_here else None)
    details: dict[str, Any] = explain(standing, scene.actor) if standing else {}
    if declined is Verdict.HELD_ELSEWHERE and held:
        details = {"holder": tell_holder(held, scene.actor, now)}
    code = disclose(audience, Field.SHORT_CODE, found.short_code)
    return Simulation(
        declined or undeclined(found, scene, is_here),
        scene,
        found.terms,
        found.last_day,
        found.coupon_id,
        details | ({"short_code": code} if code else {}),
        held.device_name if held and is_here else None,
    )


def judge(facts: Facts, terms: Terms, scene: Scene, device_id: str | None = None) -> Verdict | None:
    place = Place(scene.store.id, scene.store.partner_id, device_id, scene.store.is_closed)
    return why_declined(facts, terms, place, scene.day)


def undeclined(found: IssuedCoupon, scene: Scene, is_here: bool) -> str:
    """Return the answer for a coupon that no rule declines. Offline only its holder gives it, unless the campaign allows the risk."""
    if must_wait(found):
        return RECOVERING
    return Verdict.GOOD if scene.online or is_here else offline(found.terms)


def offline(terms: Terms) -> str:
    return AT_RISK if isinstance(terms.offline, AtRisk) else OFFLINE
