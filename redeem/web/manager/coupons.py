"""Finds a coupon by its token, short code, id or order, and shows its history on one page."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from redeem.accounts.roles import Permission
from redeem.coupons import history
from redeem.lib.ids import coupon_of
from redeem.lib.text import trimmed
from redeem.web.context import context, now_ms, read
from redeem.web.manager.access import office, person


@office("/coupons", Permission.READ)
def coupons() -> ResponseReturnValue:
    """The search form and what it found: one coupon is opened at once, several of an order are listed."""
    wanted, scope, ring = trimmed(request.args.get("q", "")), person().scope, context().ring()
    found = read(lambda db: history.find(db, scope, wanted, ring)) if wanted else []
    if len(found) == 1:
        return redirect(url_for("manager.coupon", coupon_id=found[0]), 303)
    return render_template("manager/coupons.html", wanted=wanted, found=found)


@office("/coupons/<coupon_id>", Permission.READ)
def coupon(coupon_id: str) -> ResponseReturnValue:
    scope, serial, now, zone = person().scope, coupon_of(coupon_id), now_ms(), context().settings.time_zone
    story = read(lambda db: history.tell(db, scope, serial, now, zone))
    return render_template("manager/coupon.html", story=story, shown=story.shown, zone=zone)
