"""`flask --app wsgi issue`: issues one coupon."""

from pathlib import Path

import click
from flask.cli import with_appcontext

from redeem.coupons import issue as coupon_issue
from redeem.coupons.issue import CouponView, NewCoupon
from redeem.domain.short_codes import grouped
from redeem.lib import ids, qr
from redeem.ops.commands.plain_errors import plain_errors
from redeem.web.context import context, now_ms, write
from redeem.web.urls import coupon_link


@click.command()
@click.argument("campaign")
@click.option("--order-ref", help="The shop's own reference.")
@click.option("--home-store", help="The store at which it is expected: sto_…")
@click.option(
    "--qr", "picture", type=click.Path(dir_okay=False, path_type=Path), help="Write the QR there: .svg or .png"
)
@with_appcontext
@plain_errors
def issue(campaign: str, order_ref: str | None, home_store: str | None, picture: Path | None) -> None:
    """Issue one coupon of CAMPAIGN (cmp_1) and show it."""
    number = ids.campaign_of(campaign)
    if number is None:
        raise click.BadParameter("write it like cmp_1", param_hint="CAMPAIGN")
    tools, now = context(), now_ms()
    signer, mint = tools.signer(), tools.mint()
    new = NewCoupon(number, order_ref, home_store_id=home_store)
    issued = write(lambda session: coupon_issue.issue(session, new, mint, now))
    coupon = issued.coupon
    link = coupon_link(tools, signer.write_serial(coupon.key_id, coupon.serial, coupon.last_day))
    show(coupon, link)
    if picture:
        draw(picture, link, coupon)


def show(coupon: CouponView, link: str) -> None:
    click.echo(f"id          {coupon.id}")
    click.echo(f"short code  {grouped(coupon.short_code)}")
    click.echo(f"link        {link}")


def draw(picture: Path, link: str, coupon: CouponView) -> None:
    title = f"Coupon {grouped(coupon.short_code)}"
    data = qr.png(link) if picture.suffix.lower() == ".png" else qr.svg(link, title).encode()
    picture.write_bytes(data)
    click.echo(f"picture     {picture}")
