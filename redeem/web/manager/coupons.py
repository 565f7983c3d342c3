"""Finds a coupon by its token, short code, id or order, and shows its history on one page."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from redeem.accounts.roles import Permission
from redeem.coupons import history
from redeem.coupons.reveal import reveal
from redeem.lib.ids import coupon_of
from redeem.lib.text import trimmed
from redeem.web.context import context, now_ms, read, write
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
    return coupon_page(coupon_id)


@office("/coupons/<coupon_id>/code", Permission.RUN_SHOP, methods=("POST",))
def reveal_code(coupon_id: str) -> ResponseReturnValue:
    """Answers with the page and the code in it, not with a redirect: the next look at the page hides it again."""
    who, serial, now = person(), coupon_of(coupon_id), now_ms()
    code = write(lambda db: reveal(db, who, serial, now))
    return coupon_page(coupon_id, code)


def coupon_page(coupon_id: str, revealed: str | None = None) -> str:
    who, serial, now, zone = person(), coupon_of(coupon_id), now_ms(), context().settings.time_zone
    story = read(lambda db: history.tell(db, who.scope, who.audience, serial, now, zone))
    code = revealed or story.code
    return render_template(
        "manager/coupon.html", story=story, shown=story.shown, code=code, is_revealed=revealed is not None, zone=zone
    )
