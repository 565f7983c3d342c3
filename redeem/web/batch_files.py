"""The files of a batch: its coupons as CSV. They are made in parts, each read in a transaction of its own: nothing in them changes."""

from collections.abc import Iterator
from functools import partial

from redeem.coupons import batches
from redeem.coupons.batches import BatchView, MadeCoupon
from redeem.domain.short_codes import grouped
from redeem.domain.terms import end_of
from redeem.ledger.signing import Signer
from redeem.lib import csvfile
from redeem.lib.csvfile import Cell, Style
from redeem.lib.days import to_date
from redeem.lib.ids import coupon_id
from redeem.web.context import Context
from redeem.web.urls import coupon_link

COUPONS_PER_PART = 1_000
PLAIN = Style()
HEADER = ("coupon", "link", "short_code", "order_ref", "home_store", "valid_until")


def csv_of(tools: Context, batch: BatchView, style: Style = PLAIN) -> Iterator[bytes]:
    """The coupons that were made, a line each, in parts."""
    signer = tools.signer()
    parts = ((row_of(tools, signer, coupon) for coupon in coupons) for coupons in in_parts(tools, batch))
    return (text.encode() for text in csvfile.write_in_parts(HEADER, parts, style))


def in_parts(tools: Context, batch: BatchView) -> Iterator[list[MadeCoupon]]:
    for item in range(0, batch.made, COUPONS_PER_PART):
        yield tools.database.read(partial(batches.coupons_from, batch_id=batch.id, item=item, most=COUPONS_PER_PART))


def row_of(tools: Context, signer: Signer, coupon: MadeCoupon) -> list[Cell]:
    last = end_of(coupon.last_day)
    return [
        coupon_id(coupon.serial),
        coupon_link(tools, signer.write_serial(coupon.key_id, coupon.serial, coupon.last_day)),
        grouped(coupon.short_code),
        coupon.order_ref,
        coupon.home_store_id,
        to_date(last) if last is not None else None,
    ]
