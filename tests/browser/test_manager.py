"""The office in a real browser: signing in, the filter, enrolling a tablet; and every page on a desk and on a phone."""

import re

import pytest
from nacl.signing import SigningKey
from playwright.sync_api import expect
from sqlalchemy import select, update

from redeem.accounts import api_key_format, invitations, roles
from redeem.accounts.invitations import NewPerson
from redeem.accounts.roles import Role
from redeem.db.models.devices import Enrolment
from redeem.db.models.managers import ManagerSession
from redeem.db.models.webhooks import WebhookEndpoint
from redeem.devices import enrolment
from redeem.lib.links import Purpose
from redeem.web.context import now_ms
from redeem.webhooks import attempts
from redeem.webhooks.attempts import AttemptLine, Outcome
from tests import factories
from tests.browser.pages import visit
from tests.browser.waiting import follow, type_into
from tests.cast import PASSWORD
from tests.tills import till_of
from tests.web import office_factories

pytestmark = pytest.mark.browser

LONGEST = "Кофейня «Превысокомногорассмотрительствующий» на Новослободской"
PAGES = (
    "/manager/",
    "/manager/?days=custom&from=2021-01-01&until=2021-01-05",
    "/manager/campaigns",
    "/manager/campaigns/cmp_1",
    "/manager/campaigns/cmp_1/edit",
    "/manager/campaigns/new",
    "/manager/simulator",
    "/manager/simulator?campaign=cmp_1",
    "/manager/simulator?q={coupon}",
    "/manager/voids/new",
    "/manager/coupons",
    "/manager/coupons?q=nothing",
    "/manager/coupons/{coupon}",
    "/manager/coupons/{coupon}/undo",
    "/manager/devices",
    "/manager/devices/new",
    "/manager/devices/{device}/move",
    "/manager/devices/{device}/revoke",
    "/manager/stores",
    "/manager/stores/{store}",
    "/manager/stores/new",
    "/manager/partners/new",
    "/manager/clerks/{clerk}/leave",
    "/manager/keys",
    "/manager/keys/new",
    "/manager/keys/{key}/roll",
    "/manager/keys/{key}/revoke",
    "/manager/devices/{till}/key",
    "/manager/devices/{till}/revoke",
    "/manager/stores/{store}/change",
    "/manager/stores/{store}/close",
    "/manager/partners/{partner}/close",
    "/manager/devices/new?kind=till",
    "/manager/sign-in",
    "/manager/statements",
    "/manager/partners/{partner}/statements",
    "/manager/late-undos",
    "/manager/conflicts?show=all",
    "/manager/audit",
    "/manager/audit?what=key_made",
    "/manager/webhooks",
    "/manager/webhooks/new",
    "/manager/webhooks/{endpoint}",
    "/manager/webhooks/{endpoint}/change",
    "/manager/webhooks/{endpoint}/rotate",
    "/manager/webhooks/{endpoint}/delete",
    "/manager/people",
    "/manager/people/{person}",
    "/manager/people/{person}/post",
    "/manager/people/{person}/deactivate",
    "/manager/invitations/new",
    "/manager/invitation/{invitation}",
    "/manager/password",
    "/manager/partners/{partner}/name",
    "/manager/clerks/{clerk}/pin",
    "/manager/sessions",
)


@pytest.fixture
def trade(live, cast):
    """A month of gifts, one of them taken back, some declined; and a store with a name that nobody can shorten."""

    def issue(db):
        factories.store(db, cast.north_partner, LONGEST)
        return [factories.coupon(db, cast.anywhere) for _ in range(40)]

    coupons = live.database.write(issue)
    north, south = till_of(live.database, cast.north_till), till_of(live.database, cast.south_till)
    for number, coupon in enumerate(coupons):
        till = (north, south)[number % 2]
        till.redeem(coupon, now=now_ms() - number * 18 * 3_600_000)
    north.redeem(coupons[0], now=now_ms())
    south.redeem(None, now=now_ms())
    return coupons


def enter(browser, live, cast, role="shop_manager", **how):
    office = visit(browser, live.url, **how)
    office.sign_in(cast.managers[role], PASSWORD)
    return office


def test_a_manager_signs_in_by_keyboard_alone_and_out_again(browser, live, cast):
    office = visit(browser, live.url)
    page = office.open("/manager/devices")
    type_into(page.locator("#email"), cast.managers["shop_manager"])
    page.keyboard.press("Tab")
    type_into(page.locator("#password"), PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Devices")).to_be_visible()
    page.locator(".menu > summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert office.complaints == []


def test_the_filter_shows_at_once_and_stays_in_the_address(browser, live, cast, trade):
    office = enter(browser, live, cast)
    page = office.page
    page.get_by_label("Partner", exact=True).select_option("South Bakery")
    page.wait_for_url(re.compile("partner=prt_"))
    assert "campaign=" not in page.url
    expect(page.locator(".bars").nth(1).locator("li")).to_have_count(1)
    page.get_by_label("Period").select_option("custom")
    expect(page.get_by_label("From", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_label("Partner", exact=True)).to_have_value(re.compile("prt_"))
    page.get_by_role("link", name="Clear").click()
    expect(page.get_by_label("Partner", exact=True)).to_have_value("")
    assert office.complaints == []


def test_a_chart_s_table_opens_and_its_csv_is_saved(browser, live, cast, trade):
    page = enter(browser, live, cast).page
    page.get_by_text("As a table").first.click()
    expect(page.get_by_role("region", name="Gifts by day")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").first.click()
    assert saved.value.suggested_filename.startswith("days-")


def test_a_double_tap_closes_one_statement_and_its_file_is_saved(browser, live, cast, trade):
    office = enter(browser, live, cast)
    page = office.open("/manager/statements")
    page.get_by_role("link", name="Close statement 1… · North Coffee").click()
    expect(page.get_by_role("heading", name="Close statement 1?")).to_be_visible()
    page.get_by_role("button", name="Close statement 1").dblclick()
    expect(page.get_by_role("heading", name="North Coffee")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").click()
    assert saved.value.suggested_filename == f"statement-1-{cast.north_partner}.csv"
    page = office.open("/manager/statements")
    expect(page.get_by_role("link", name="North Coffee, statement 1")).to_have_count(1)
    expect(page.get_by_text("Nothing since the last statement.")).to_be_visible()
    assert office.complaints == []


def test_a_tablet_is_enrolled_and_the_page_notices(browser, live, cast):
    office = enter(browser, live, cast)
    page = office.open("/manager/devices/new")
    page.get_by_label("Store").select_option("North, on the square")
    page.get_by_label("Name").fill("Window")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Open this on the tablet")).to_be_visible()
    assert "/clerk/#enrol=" in page.locator("#link").input_value()

    def enrol(db):
        row = db.scalars(select(Enrolment).order_by(Enrolment.created_at.desc())).first()
        enrolment.enrol(db, row.id, bytes(SigningKey(b"a tablet beside the window, 0001").verify_key), now_ms())

    live.database.write(enrol)
    expect(page.get_by_role("heading", name="“Window” is enrolled")).to_be_visible()
    assert office.complaints == []


def test_a_till_s_key_can_be_copied(browser, live, cast):
    office = enter(browser, live, cast)
    office.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = office.open("/manager/devices/new?kind=till")
    page.get_by_label("Store").select_option("North, on the square")
    page.get_by_label("Name").fill("Till 9")
    follow(page.get_by_role("button", name="Add"))
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#key").input_value()
    assert page.locator("#key").input_value().startswith("rtk_")


def invited(live, cast):
    """Somebody below the shop manager, and the sealed half of an invitation's link."""

    def work(db):
        boss, person = (roles.find_manager(db, cast.managers[role]) for role in ("shop_manager", "auditor"))
        assert boss
        assert person
        new = NewPerson("vera@example.org", "Вера Константинопольская", Role.STORE_MANAGER, None, cast.north)
        return person.id, invitations.invite(db, roles.as_person(boss), new, now_ms()).id

    person_id, invitation_id = live.database.write(work)
    sealed = live.tools.links.seal(Purpose.INVITATION, {"invitation": invitation_id})
    return {"person": person_id, "invitation": sealed}


@pytest.mark.slow
@pytest.mark.parametrize(("size", "scheme", "language"), [("desk", "light", "en"), ("narrow", "dark", "ru")])
def test_every_page_fits_and_stands_in_nobody_s_way(browser, live, cast, trade, size, scheme, language):
    office = enter(browser, live, cast, size=size, scheme=scheme, language=language)
    ids = {"coupon": trade[0].id, "device": cast.tablet_id, "store": cast.north, "clerk": cast.clerk_id}
    ids |= {"key": api_key_format.parse(cast.reader_key).prefix, "partner": cast.north_partner}
    ids |= invited(live, cast)
    ids |= {"till": cast.north_till_id, "endpoint": live.database.write(told_of)}
    ids |= {"open": live.database.write(lambda db: factories.coupon(db, cast.anywhere)).id}
    for path in PAGES:
        office.open(path.format(**ids))
        assert office.faults() == [], path
    for name in shown_once(office, ids):
        assert office.faults() == [], name
    assert office.complaints == []
    question(office, live)
    assert office.faults() == [], "password"
    assert office.elsewhere == []


def told_of(session):
    """An endpoint that takes nothing, with an attempt. Answers its id."""
    endpoint_id = office_factories.endpoint(session)
    line = AttemptLine(1, "evt_" + "0" * 26, "redemption.conflicted", now_ms(), Outcome.REDIRECTED, 301, 9_999)
    attempts.keep(session, endpoint_id, line)
    row = session.get_one(WebhookEndpoint, endpoint_id)
    row.failures, row.failing_since, row.next_try_at = 3, now_ms(), now_ms()
    row.missed_from, row.missed_until = now_ms() - 1_000, now_ms()
    return endpoint_id


def send(page):
    follow(page.locator(".form-foot .button-primary"))


def shown_once(office, ids):
    """What no address leads to: links and keys that are shown in one answer, and what is counted before it is voided."""
    page = office.open("/manager/keys/new")
    page.fill("#name", LONGEST)
    send(page)
    assert page.locator("#key").input_value().startswith("rsk_")
    yield "key"
    page = office.open(f"/manager/coupons/{ids['open']}")
    follow(page.locator("form[action$='/code'] button"))
    assert page.locator("h1").inner_text().count("-") == 2
    yield "code"
    for path in (f"/manager/keys/{ids['key']}/roll", f"/manager/devices/{ids['till']}/key"):
        send(office.open(path))
        assert page.locator("#key").is_visible()
        yield f"{path}, rolled"
    page = office.open("/manager/devices/new")
    page.select_option("#store", ids["store"])
    page.fill("#name", LONGEST)
    send(page)
    assert page.locator("#link").is_visible()
    yield "enrolment"
    page = office.open("/manager/invitations/new")
    page.fill("#name", LONGEST)
    page.fill("#email", f"{'long-' * 12}name@example.org")
    page.check("[name=role][value=auditor]")
    send(page)
    assert page.locator("#link").is_visible()
    yield "invitation's link"
    follow(office.open(f"/manager/people/{ids['person']}").locator("form[action$='/reset'] button"))
    link = page.locator("#link").input_value()
    yield "reset's link"
    office.open(link.removeprefix(office.url))
    yield "reset"
    follow(office.open(f"/manager/partners/{ids['partner']}/statements").locator(".form-foot button"))
    expect(page).to_have_url(re.compile("/manager/statements/stm_"))
    yield "a closed statement"
    office.open("/manager/statements")
    yield "statements, one closed"
    page = office.open("/manager/voids/new")
    page.fill("#texts", f"{ids['coupon']}\nnobody\n{ids['open']}")
    send(page)
    page.locator(".button-danger").wait_for()
    yield "void, counted"


def question(office, live):
    """The password is asked for again after a while. A browser says of every 401 that it is no success."""
    live.database.write(lambda db: db.execute(update(ManagerSession).values(confirmed_at=0)))
    page = office.open("/manager/keys/new")
    page.fill("#name", "web shop")
    send(page)
    expect(page.locator("#confirm_password")).to_be_focused()
    assert all("401" in said for said in office.complaints)


@pytest.mark.parametrize("role", ["partner_manager", "store_manager", "auditor"])
def test_each_role_has_pages_without_dead_ends(browser, live, cast, trade, role):
    """Every link that is shown leads somewhere."""
    office = enter(browser, live, cast, role)
    seen: set[str] = set()
    waiting = ["/manager/"]
    while waiting:
        path = waiting.pop()
        if path in seen or len(seen) > 60 or ".csv" in path:
            continue
        seen.add(path)
        answer = office.page.goto(live.url + path)
        assert answer
        assert answer.status == 200, path
        links = office.page.eval_on_selector_all(
            "a[href^='/manager/']", "all => all.map(it => it.getAttribute('href'))"
        )
        waiting += [link.partition("#")[0] for link in links if "lang=" not in link]
    assert len(seen) > 8
