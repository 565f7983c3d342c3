"""Issuing: numbers, windows, voids and moves."""

from tests import factories
from tests.databases import on_both_databases


@on_both_databases
def test_coupons_are_numbered_in_order_from_nought(database, cast):
    issued = [database.write(lambda s: factories.coupon(s, cast.anywhere)) for _ in range(3)]
    assert [coupon.id for coupon in issued] == [f"cpn_{cast.anywhere}_{number}" for number in range(3)]
    assert len({coupon.short_code for coupon in issued}) == 3
