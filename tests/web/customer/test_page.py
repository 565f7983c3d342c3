"""The customer's page: for every state, in both languages, and one calm answer to whoever has no coupon."""

import base64
import re
from dataclasses import replace
from html import unescape

import pytest
from nacl.signing import SigningKey

from redeem.coupons import customer_view, issue
from redeem.coupons.customer_view import BEING_GIVEN
from redeem.db.models.coupons import Coupon
from redeem.domain.rules import Verdict
from redeem.domain.short_codes import grouped
from redeem.domain.tokens import DIGITS
from redeem.ledger import signing
from redeem.ledger.rows import StandingRedemption
from redeem.lib import qr
from redeem.lib.sealing import Sealer
from redeem.recovery import restore
from redeem.web.customer.page import page_of
from tests import factories
from tests.cast import TABLET_KEY
from tests.factories import MOSCOW, NOW, SECRET
from tests.tablets import Tablet
from tests.tills import till_of

OFFER = {
    "en": {"title": "A free cappuccino", "description": "Any size.", "terms": "One for each order.\nNot on Sundays."},
    "ru": {"title": "Капучино в подарок", "description": "Любой размер.", "terms": "Один на заказ."},
}


@pytest.fixture
def make(database, cast):
    def made(now=NOW, **changes):
        def work(db):
            campaign = factories.campaign(db, "Gift", **({"partners": [cast.north_partner], "offer": OFFER} | changes))
            return factories.coupon(db, campaign.number, now)

        return database.write(work)

    return made


def show(client, coupon, **said):
    return client.get(f"/c/{coupon.token}", **said)


def test_it_shows_the_gift_its_terms_and_where_to_have_it(client, make):
    coupon = make(windows={"redeem": {"until": "2190-05-01"}})
    text = unescape(show(client, coupon).text)
    for words in (
        "A free cappuccino",
        "Any size.",
        "One for each order.\nNot on Sundays.",
        "Ready for you",
        "No receipt needed",
        "1 May 2190",
        "North, on the square",
        "North, at the station",
        "Main Street 1",
        grouped(coupon.short_code),
    ):
        assert words in text
    assert "South" not in text


def test_it_is_in_the_reader_s_language_or_the_one_asked_for(client, make):
    coupon = make(windows={"redeem": {"until": "2190-05-01"}})
    russian = show(client, coupon, headers={"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.5"}).text
    assert '<html lang="ru">' in russian
    for words in ("Капучино в подарок", "Один на заказ.", "1 мая 2190", "Чек не нужен"):
        assert words in russian
    english = client.get(f"/c/{coupon.token}?lang=en", headers={"Accept-Language": "ru"}).text
    assert "A free cappuccino" in english
    assert 'href="?lang=ru"' in english
    assert '<html lang="en">' in client.get(f"/c/{coupon.token}?lang=tlh", headers={"Accept-Language": "fr"}).text


def test_an_offer_in_one_language_is_shown_in_that(client, make):
    coupon = make(offer={"ru": OFFER["ru"]})
    text = show(client, coupon, headers={"Accept-Language": "en"}).text
    assert 'lang="ru"' in text
    assert "Капучино в подарок" in text


@pytest.mark.parametrize("path", ["/c/", "/C/"])
def test_the_prefix_may_be_in_capitals_for_a_denser_qr(client, make, path):
    assert client.get(f"{path}{make().token}").status_code == 200


def test_a_given_coupon_says_when_and_where(client, database, cast, make):
    coupon = make()
    till_of(database, cast.north_till).redeem(coupon, now=NOW)
    text = show(client, coupon).text
    assert "Your gift was given" in text
    assert "21 Nov 2026, 11:33 · North, on the square" in text
    assert "<img" not in text.replace("gift-picture", "")


def test_a_gift_at_the_till_is_not_yet_given(client, database, cast, make):
    coupon, tablet = make(), Tablet(database, cast.tablet_id, TABLET_KEY)
    asked = tablet.write("ask", coupon=coupon.token, clerk=cast.clerk_id)
    tablet.sync()
    assert "Being given just now" in show(client, coupon).text
    tablet.write("drop", of=asked)
    tablet.sync()
    assert "Ready for you" in show(client, coupon).text


def test_a_coupon_held_by_a_tablet_is_good(client, database, cast, make):
    coupon = make()
    database.write(lambda session: issue.change_home(session, coupon.serial, cast.north, NOW))
    assert Tablet(database, cast.tablet_id, TABLET_KEY).sync().grants
    assert "Ready for you" in show(client, coupon).text


def test_a_void_coupon_says_so(client, database, make):
    coupon = make()
    database.write(lambda db: factories.void(db, coupon, "fraud by Mr Smith"))
    text = show(client, coupon).text
    assert "Voided by the shop" in text
    assert "Smith" not in text


def test_an_expired_coupon_says_since_when(client, make):
    text = show(client, make(now=NOW - 300 * 86_400_000, windows={"valid_days": 2})).text
    assert "Expired" in text
    assert "27 January 2026" in text


def test_a_coupon_that_is_too_early_says_from_when(client, make):
    text = show(client, make(windows={"redeem": {"from": "2190-03-01"}})).text
    assert "Not yet" in text
    assert "You can have it from 1 March 2190." in text


@pytest.mark.parametrize(
    "written",
    [
        lambda _token: "1" * DIGITS,
        lambda _token: "0" * DIGITS,
        lambda token: token[:-1],
        lambda token: token + "0",
        lambda token: f"0{token}",
        lambda token: token[:-1] + str((int(token[-1]) + 1) % 10),
        lambda token: "".join(chr(ord(digit) + 0x660 - 48) for digit in token),
        lambda _token: "",
        lambda _token: "9" * 4000,
        lambda _token: "<script>alert(1)</script>",
    ],
)
def test_whatever_is_no_coupon_gets_one_calm_answer(client, make, written):
    answer = client.get(f"/c/{written(make().token)}")
    assert answer.status_code == 404
    assert "No coupon here" in answer.text
    assert answer.text == client.get("/c/" + "2" * DIGITS).text


@pytest.mark.parametrize("path", ["/c/", "/C/"])
@pytest.mark.parametrize(
    ("before", "after"),
    [("", each) for each in (".", ")", "/", "%20", ",", ">", "%22", "%C2%A0", "%E2%80%8B", "/qr")]
    + [("%20", ""), ("]Q1", ""), ("(", ").")],
)
def test_an_address_with_more_around_it_leads_to_the_coupon_s_own(client, make, path, before, after):
    coupon = make()
    answer = client.get(f"{path}{before}{coupon.token}{after}")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/c/{coupon.token}")
    assert answer.headers["Cache-Control"] == "no-store"
    assert client.get(answer.headers["Location"]).status_code == 200


def test_forged_and_unissued_are_answered_alike(client, database, cast, make):
    real = make()
    data = int(real.token).to_bytes(76)
    signed = SigningKey(b"somebody else's key, not ours 03").sign(b"redeem-coupon-v1\0" + data[:12]).signature
    forged = f"{int.from_bytes(data[:12] + signed):0{DIGITS}d}"
    signer_of_ours = database.read(lambda db: signing.load_signer(db, Sealer([SECRET])))
    unissued = signer_of_ours.write(1, cast.anywhere, 999_999, 60_000)
    assert client.get(f"/c/{forged}").text == client.get(f"/c/{unissued}").text
    assert client.get(f"/c/{forged}").status_code == 404


def test_one_that_a_restored_ledger_has_lost_is_shown_as_soon_as_it_is_looked_at(client, database, cast, make):
    lost = make()
    database.write(lambda session: session.delete(session.get_one(Coupon, lost.serial)))
    assert client.get(f"/c/{lost.token}").status_code == 404
    database.write(lambda session: restore.begin(session, NOW))
    assert client.get(f"/c/{lost.token}").status_code == 200


def test_nobody_is_followed(client, make):
    for path in (f"/c/{make().token}", "/c/1"):
        answer = client.get(path)
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert "<script" not in answer.text


def test_it_sends_nobody_else_to_fetch_anything(client, make):
    text, policy = (lambda answer: (answer.text, answer.headers["Content-Security-Policy"]))(show(client, make()))
    assert re.findall(r'(?:src|href)="(?!/static/|data:image|\?lang=|#)([^"]*)"', text.replace("&#43;", "+")) == []
    assert "img-src 'self' data:;" in policy


@pytest.mark.parametrize(
    ("picture", "allowed"),
    [
        ("https://pictures.example/cup.jpg", "img-src 'self' data: https://pictures.example;"),
        ("https://pictures.example:8443/cup.jpg", "img-src 'self' data: https://pictures.example:8443;"),
        ("/static/pictures/cup.jpg", "img-src 'self' data:;"),
        ("https://a;script-src@evil.example/cup.jpg", "img-src 'self' data:;"),
        ("https://*/cup.jpg", "img-src 'self' data:;"),
    ],
)
def test_its_picture_may_come_from_where_the_shop_keeps_it(client, make, picture, allowed):
    answer = show(client, make(offer={"en": {"title": "Cup", "picture": picture}}))
    assert allowed in answer.headers["Content-Security-Policy"]
    assert 'referrerpolicy="no-referrer"' in answer.text


def test_its_qr_is_the_coupon_s_own(client, make):
    coupon = make()
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', unescape(show(client, coupon).text))
    assert found
    svg = base64.b64decode(found[1]).decode()
    assert svg == qr.svg(f"http://localhost/c/{coupon.token}", "QR of this coupon")


@pytest.mark.parametrize("payload", ['"><script>alert(1)</script>', "<img src=x onerror=alert(1)>", "{{ 7 * 7 }}"])
def test_words_of_the_shop_are_text(client, make, payload):
    text = show(client, make(offer={"en": {"title": payload, "description": payload, "terms": payload}})).text
    for raw in ("<script>alert", "<img src=x", ">49<"):
        assert raw not in text


def test_nothing_of_the_order_or_the_clerk_is_told(client, database, cast, make):
    campaign = cast.anywhere
    coupon = database.write(
        lambda db: factories.coupon(db, campaign, order_ref="A-77", metadata={"name": "Ivan Petrov"})
    )
    tablet = Tablet(database, cast.tablet_id, TABLET_KEY)
    asked = tablet.write("ask", coupon=coupon.token, clerk=cast.clerk_id)
    tablet.write("gave", of=asked)
    tablet.sync()
    text = show(client, coupon).text
    assert [word for word in ("A-77", "Ivan", "Petrov", "Anna", "North counter", "dev_", "clk_") if word in text] == []


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_there_is_nothing_to_send_here(client, make, method):
    assert getattr(client, method)(f"/c/{make().token}").status_code == 405


@pytest.mark.parametrize("state", [*Verdict, BEING_GIVEN])
def test_every_state_has_its_words(app, database, coupon, state):
    """A new reason to decline has them at once, from its title."""
    shown = database.read(lambda db: customer_view.show(db, coupon.serial, NOW, MOSCOW))
    standing = StandingRedemption(coupon.serial, "", NOW, NOW, "", "", "", "North", "", MOSCOW, None, None)
    with app.test_request_context():
        seen = replace(shown, state=state, standing=standing, first_day=2500, last_day=2600)
        assert '<p class="state-word">' in page_of(seen, coupon.token).get_data(as_text=True)
