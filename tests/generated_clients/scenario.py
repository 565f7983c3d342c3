"""A shop and a till, by the client that openapi-python-client makes: `python scenario.py ADDRESS SHOP_KEY TILL_KEY PARTNER`.

A campaign in Russian, coupons, a QR, verified, redeemed, reversed; a decline; and a list to its end.
"""

import sys
from itertools import count
from typing import Any, TypeVar

from redeem_client import AuthenticatedClient
from redeem_client.api.shop import create_campaign, get_campaign, issue_coupon, list_coupons, qr_png, qr_svg
from redeem_client.api.till import redeem_coupon, reverse_redemption, verify_coupon
from redeem_client.models import (
    Campaign,
    CampaignBody,
    CampaignBodyFunding,
    CampaignBodyOffer,
    Coupon,
    CouponBody,
    CouponIssued,
    CouponList,
    CouponStatus,
    Money,
    Offer,
    Problem,
    ProblemCode,
    Redemption,
    ReverseBody,
    ReversedRedemption,
    Scan,
    Verdict,
    Verification,
)
from redeem_client.types import UNSET, File, Unset

T = TypeVar("T")
TITLE = "Тёплый круассан"
COUPONS = 5
PAGE = 2
ATTEMPTS = count(1)


def attempt() -> str:
    return f"python-{next(ATTEMPTS)}"


def expect(kind: type[T], answer: Any) -> T:
    assert isinstance(answer, kind), answer
    return answer


def main(address: str, shop_key: str, till_key: str, partner: str) -> None:
    shop, till = (AuthenticatedClient(address, key, raise_on_unexpected_status=True) for key in (shop_key, till_key))
    campaign = make_campaign(shop, partner)
    coupons = [
        expect(
            CouponIssued,
            issue_coupon.sync(client=shop, body=CouponBody(campaign=campaign.id), idempotency_key=attempt()),
        )
        for _ in range(COUPONS)
    ]
    look_at_symbols(shop, coupons[0])
    use(till, coupons[0])
    decline(till, coupons[1])
    listed = [coupon.id for coupon in all_coupons(shop, campaign)]
    assert listed == [coupon.id for coupon in reversed(coupons)], listed


def make_campaign(shop: AuthenticatedClient, partner: str) -> Campaign:
    offer = CampaignBodyOffer()
    offer["ru"] = Offer(title=TITLE, description="К любому кофе.\nПо будням.")
    body = CampaignBody(
        name="Зимние подарки",
        offer=offer,
        partners=[partner],
        value=Money(20_000, "RUB"),
        handling_fee=Money(500, "RUB"),
        funding=CampaignBodyFunding.ISSUER,
    )
    response = create_campaign.sync_detailed(client=shop, body=body, idempotency_key=attempt())
    made = expect(Campaign, response.parsed)
    read = expect(Campaign, get_campaign.sync(made.id, client=shop))
    assert (read.name, read.offer["ru"].title) == ("Зимние подарки", TITLE)
    assert response.headers["Location"] == f"/v1/campaigns/{made.id}"
    return made


def look_at_symbols(shop: AuthenticatedClient, coupon: CouponIssued) -> None:
    picture = expect(File, qr_png.sync(coupon.id, client=shop)).payload.read()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    drawing = expect(File, qr_svg.sync(coupon.id, client=shop)).payload.read()
    assert TITLE.encode() in drawing


def use(till: AuthenticatedClient, coupon: CouponIssued) -> None:
    scan, name = Scan(token=str(coupon.token)), attempt()
    assert expect(Verification, verify_coupon.sync(client=till, body=scan)).verdict == Verdict.GOOD
    first, again = (redeem_coupon.sync_detailed(client=till, body=scan, idempotency_key=name) for _ in range(2))
    redemption = expect(Redemption, first.parsed)
    assert expect(Redemption, again.parsed).id == redemption.id
    assert again.headers["Idempotent-Replayed"] == "true"
    late = expect(Problem, redeem_coupon.sync(client=till, body=scan, idempotency_key=attempt()))
    assert late.code == ProblemCode.ALREADY_REDEEMED
    undone = reverse_redemption.sync(
        redemption.id, client=till, body=ReverseBody("Ошибся кнопкой"), idempotency_key=attempt()
    )
    assert expect(ReversedRedemption, undone).coupon == coupon.id
    assert expect(Verification, verify_coupon.sync(client=till, body=scan)).verdict == Verdict.GOOD


def decline(till: AuthenticatedClient, coupon: CouponIssued) -> None:
    """By the short code, mistyped: the answer says so by its code."""
    code = str(coupon.short_code)
    mistyped = code[:-1] + ("0" if code[-1] != "0" else "1")
    problem = expect(Problem, verify_coupon.sync(client=till, body=Scan(short_code=mistyped)))
    assert problem.code == ProblemCode.BAD_SHORT_CODE
    typed = expect(Verification, verify_coupon.sync(client=till, body=Scan(short_code=code)))
    assert (typed.verdict, typed.coupon) == (Verdict.GOOD, coupon.id)


def all_coupons(shop: AuthenticatedClient, campaign: Campaign) -> list[Coupon]:
    found: list[Coupon] = []
    cursor: str | Unset = UNSET
    while True:
        page = expect(
            CouponList, list_coupons.sync(client=shop, campaign=campaign.id, limit=PAGE, starting_after=cursor)
        )
        assert all(coupon.status == CouponStatus.ISSUED for coupon in page.data)
        found += page.data
        if not page.has_more:
            return found
        cursor = found[-1].id


if __name__ == "__main__":
    main(*sys.argv[1:])
