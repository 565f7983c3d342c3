"""What SQL says of a coupon's fate is what the domain says: all that may have happened to it, on both databases."""

from itertools import product

from sqlalchemy import select, update

from redeem.coupons import issue
from redeem.db.models.coupons import Coupon
from redeem.domain.status import is_void, status_of
from redeem.ledger.sql import IS_REDEEMED, IS_VOID, IS_VOID_FOR_HOLDER
from tests import factories
from tests.databases import on_both_databases
from tests.factories import NOW


@on_both_databases
def test_sql_says_of_each_coupon_what_the_domain_says(database, cast, till):
    met = set()
    for given, voided_at, requested_at in product((False, True), (None, NOW), (None, NOW)):
        coupon = database.write(lambda session: factories.coupon(session, cast.anywhere))
        if given:
            assert till.redeem(coupon, coupon.id).redeemed
        times = {"voided_at": voided_at, "void_requested_at": requested_at}
        database.write(
            lambda db, c=coupon, t=times: db.execute(update(Coupon).where(Coupon.serial == c.serial).values(t))
        )
        wanted = select(IS_REDEEMED, IS_VOID, IS_VOID_FOR_HOLDER).where(Coupon.serial == coupon.serial)
        redeemed, void, void_for_holder = database.read(lambda db, w=wanted: db.execute(w).one())
        view = database.read(lambda db, c=coupon: issue.get_coupon(db, c.serial))
        status = status_of(view, view.last_day)
        assert (bool(redeemed), bool(void)) == (status == "redeemed", is_void(view))
        if not redeemed:
            assert (bool(void), bool(void_for_holder)) == (status in ("void", "void_requested"), status == "void")
        met.add(status)
    assert met == {"issued", "redeemed", "void", "void_requested"}
