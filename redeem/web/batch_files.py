"""The files of a batch: its coupons as CSV, and a ZIP of their QRs.

They are made in parts, each read in a transaction of its own: nothing in them changes.
"""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from redeem.coupons import batches
from redeem.coupons.batches import BatchView, MadeCoupon
from redeem.domain.short_codes import grouped
from redeem.domain.terms import end_of
from redeem.ledger.signing import Signer
from redeem.lib import csvfile, qr
from redeem.lib.csvfile import Cell, Style
from redeem.lib.days import to_date
from redeem.lib.ids import coupon_id
from redeem.web.context import Context
from redeem.web.urls import coupon_link

COUPONS_PER_PART = 1_000
# A ZIP keeps a directory of its files until its end, and each picture takes 12 ms.
PICTURES_MAX = 20_000
PLAIN = Style()
HEADER = ("coupon", "link", "short_code", "order_ref", "home_store", "valid_until")


def csv_of(tools: Context, batch: BatchView, style: Style = PLAIN) -> Iterator[bytes]:
    """The coupons that were made, a line each, in parts."""
    signer = tools.signer()
    parts = ((row_of(tools, signer, coupon) for coupon in coupons) for coupons in in_parts(tools, batch))
    return (text.encode() for text in csvfile.write_in_parts(HEADER, parts, style))


def zip_of(tools: Context, batch: BatchView) -> Iterator[bytes]:
    """The QRs of the coupons that were made, an SVG each, named by the item's number from 1 and the coupon's id."""
    signer, sink, coupons = tools.signer(), Sink(), chain.from_iterable(in_parts(tools, batch))
    with ZipFile(sink, "w", ZIP_DEFLATED) as archive:  # type: ignore[call-overload]  # it needs no more than `write`
        for item, coupon in enumerate(coupons, start=1):
            picture = qr.svg(link_of(tools, signer, coupon), f"Coupon {grouped(coupon.short_code)}")
            archive.writestr(ZipInfo(f"{item:06}-{coupon_id(coupon.serial)}.svg"), picture, ZIP_DEFLATED)
            yield sink.take()
    yield sink.take()


class Sink:
    """What a ZIP is written to, to be taken on from there."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(part)
        return len(part)

    def flush(self) -> None:
        """Nothing waits here."""

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def in_parts(tools: Context, batch: BatchView) -> Iterator[list[MadeCoupon]]:
    for item in range(0, batch.made, COUPONS_PER_PART):
        yield tools.database.read(partial(batches.coupons_from, batch_id=batch.id, item=item, most=COUPONS_PER_PART))


def row_of(tools: Context, signer: Signer, coupon: MadeCoupon) -> list[Cell]:
    last = end_of(coupon.last_day)
    return [
        coupon_id(coupon.serial),
        link_of(tools, signer, coupon),
        grouped(coupon.short_code),
        coupon.order_ref,
        coupon.home_store_id,
        to_date(last) if last is not None else None,
    ]


def link_of(tools: Context, signer: Signer, coupon: MadeCoupon) -> str:
    return coupon_link(tools, signer.write_serial(coupon.key_id, coupon.serial, coupon.last_day))
