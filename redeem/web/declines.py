"""How each decline is said: one line a verdict, for the office, the till, the customer's page, the API and docs/errors.md.

What a tablet says by itself is in `static/clerk/counter/explain.js`. After a change run `python -m scripts.translate`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from redeem.domain.rules import Verdict


@dataclass(frozen=True, slots=True)
class Decline:
    """`word` is for lists and charts; `title` says what is wrong with the coupon, and `detail` what a till's clerk does now.

    `note` tells more to whoever writes a till's program.
    """

    word: LazyString
    title: str
    detail: str
    note: str = ""
    status: int = 409


DECLINES: Mapping[str, Decline] = {
    Verdict.ALREADY_REDEEMED: Decline(
        _("Given already"),
        "The gift was given already",
        "Don't give the gift: it was given already.",
        "`redeemed_at` says when; `store` and `device` say where, to tills of the same partner.",
    ),
    Verdict.VOID: Decline(
        _("Voided by the shop"),
        "The shop has voided this coupon",
        "Don't give the gift: the shop has voided this coupon.",
    ),
    Verdict.COMPROMISED_KEY: Decline(
        _("Its key was withdrawn"),
        "This coupon's key was withdrawn: the shop gives a new one",
        "Don't give the gift: this coupon's key was withdrawn, and the shop gives its customer a new coupon.",
        "The key that signed it is compromised, so every coupon of that key is declined. Issue a new coupon.",
    ),
    Verdict.WRONG_STORE: Decline(
        _("Not good at this store"),
        "The coupon is not good at this store",
        "Don't give the gift here: the coupon is good at other stores.",
        "The offer's terms say where.",
    ),
    Verdict.NOT_YET_VALID: Decline(
        _("Not valid yet"),
        "The coupon is not valid yet",
        "Don't give the gift yet: the coupon is good from a later day.",
    ),
    Verdict.EXPIRED: Decline(
        _("Expired"),
        "The coupon has expired",
        "Don't give the gift: the coupon's last day is over.",
    ),
    Verdict.HELD_ELSEWHERE: Decline(
        _("Reserved for another tablet"),
        "Another device holds this coupon",
        "Another device holds this coupon and was asked to release it. Try again with a new attempt.",
        "`holder` says which device can give it.",
    ),
    Verdict.ATTEMPT_CANCELLED: Decline(
        _("Attempt cancelled"),
        "The attempt was cancelled",
        "This attempt was cancelled. Use a new Idempotency-Key for a new attempt.",
        "If it had redeemed the coupon, that was undone.",
    ),
    Verdict.UNKNOWN_COUPON: Decline(
        _("Not a coupon of this shop"),
        "This is not a coupon of this shop",
        "This is not a coupon of this shop. Scan it again, or type its short code.",
        "Forged, foreign and unknown coupons are all answered like this.",
        status=404,
    ),
}
