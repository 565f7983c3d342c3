"""Judge a reported gift: gather what the rule asks, from the ledger and from what the device shows. The rule is in domain/judgement.py."""

from redeem.domain.acts import Kind
from redeem.domain.journal import read_entry
from redeem.domain.judgement import CLOCK_OFF_MAX_MS, Reported, Rule, Span, broken_rule
from redeem.domain.proofs import NAME_IN_JOURNAL, name_at_till
from redeem.ledger import ledger, signing
from redeem.ledger.rows import IssuedCoupon, StandingRedemption
from redeem.lib.times import local_day
from redeem.redemptions.taking import Taking


def judge(taking: Taking, coupon: IssuedCoupon, standing: StandingRedemption | None) -> Rule | None:
    """Return the rule that this reported gift breaks, or None. `standing` is the gift of the coupon that stands."""
    act = taking.act
    on_yes = act.kind in (Kind.GAVE, Kind.REDEEM)
    if on_yes and has_yes(taking, coupon):
        return None  # the rules were asked when we said yes
    gift = Reported(
        place=act.actor.place,
        span=span_of(taking),
        last_day=coupon.last_day,
        is_held=not on_yes and held(taking, coupon),
        needs_yes=on_yes,
        is_at_risk=act.kind == Kind.GAVE_AT_RISK,
        list_at=act.list_at,
        risks_before=act.risks_before,
        void_since=coupon.void_since,
        given_since=standing.at if standing else None,
        closed_since=act.actor.closed_at,
        compromised=bool(coupon.compromised),
        in_good_faith=bool(coupon.compromised) and in_good_faith(taking, coupon),
    )
    return broken_rule(gift, coupon.terms)


def span_of(taking: Taking) -> Span:
    """Return when the gift can have happened. A clock that is a little fast has reached the next day already."""
    act, zone = taking.act, taking.act.actor.time_zone
    latest = taking.now if act.latest is None else act.latest
    return Span(local_day(act.earliest, zone), local_day(latest + CLOCK_OFF_MAX_MS, zone), act.earliest)


def in_good_faith(taking: Taking, coupon: IssuedCoupon) -> bool:
    """Say whether the device may have given this coupon of a compromised key without knowing that: what it showed is what the shop issued,
    and the device had not heard of the key yet.
    """
    act, shown = taking.act, taking.act.shown
    if not coupon.is_issued_as(shown) or act.evidence is None or act.entry is None:
        return False
    number = read_entry(act.entry, b"").number
    return not signing.could_know(taking.session, act.evidence.device_id, coupon.key_id, number, act.earliest)


def has_yes(taking: Taking, coupon: IssuedCoupon) -> bool:
    """Say whether the device shows the yes that we signed: a tablet to its ask, a till to the attempt that it reports."""
    act, about = taking.act, taking.about
    if act.evidence is None:
        return False
    if about:
        return act.evidence.has_yes(NAME_IN_JOURNAL, about.fingerprint, coupon.serial)
    return act.evidence.has_yes(name_at_till(act.name, act.redemption_id or ""), act.fingerprint, coupon.serial)


def held(taking: Taking, coupon: IssuedCoupon) -> bool:
    """Say whether the device held the coupon: as the ledger knows, or by a grant that its journal had not released by then.

    So the gift of a tablet that was written off meanwhile counts, and one of which a restored ledger has lost the hold.
    """
    device_id, evidence = taking.act.actor.device_id, taking.act.evidence
    if coupon.holder_id == device_id and not coupon.unproved:
        return True
    if evidence is None or evidence.epoch is None or not evidence.has_grant(coupon.serial):
        return False
    if is_over(evidence.epoch, coupon) and not taking.act.from_quarantine:
        return False
    moved = ledger.released_by_moves(taking.session, device_id)
    return evidence.epoch > max(moved, ledger.released_epoch(taking.session, device_id, coupon.serial))


def is_over(epoch: int, coupon: IssuedCoupon) -> bool:
    """Say whether the coupon was granted again since, so that its holder had released it or was written off.

    A restored ledger may lack the release. Who is written off reports through quarantine alone.
    """
    return epoch < coupon.epoch and not coupon.unproved
