"""Every route of the office × every role × every tenant. A route that nobody classified here fails."""

import re
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from redeem.accounts import api_key_format, invitations, password_resets, roles
from redeem.accounts.audit import OPERATOR
from redeem.accounts.invitations import NewPerson
from redeem.accounts.password_resets import Reset
from redeem.accounts.roles import Role
from redeem.db.models.partners import Store
from redeem.devices import clerks, enrolment
from redeem.lib.links import Purpose
from redeem.recovery import restore
from redeem.web.context import now_ms
from redeem.web.manager.access import NEEDS
from tests import factories
from tests.cast import Cast
from tests.databases import on_both_databases
from tests.web import office_factories
from tests.web.office import Office

# Who may open what. What has an id is then seen only for stores of one's own.
ANYBODY = {
    "GET manager.sign_in",
    "POST manager.enter",
    "GET manager.invitation",
    "POST manager.accept_invitation",
    "GET manager.reset",
    "POST manager.finish_reset",
}
SIGNED_IN = {
    "GET manager.nowhere",
    "GET manager.sessions",
    "POST manager.end_other_sessions",
    "POST manager.end_session",
    "POST manager.sign_out",
    "GET manager.own_password",
    "POST manager.change_own_password",
}
READ = {
    "GET manager.overview",
    "GET manager.figures",
    "GET manager.campaigns",
    "GET manager.campaign",
    "GET manager.simulator",
    "GET manager.coupons",
    "GET manager.coupon",
    "GET manager.devices",
    "GET manager.stores",
    "GET manager.store",
    "GET manager.quarantine",
    "GET manager.journal",
    "GET manager.conflicts",
    "GET manager.conflict",
    "GET manager.late_undos",
    "GET manager.statements",
    "GET manager.statement",
    "GET manager.statement_file",
    "GET manager.recovery",
    "GET manager.keys",
    "GET manager.audit",
    "GET manager.audit_file",
    "GET manager.people",
    "GET manager.one_person",
}
RUN_STORES = {
    "GET manager.new_device",
    "POST manager.add_device",
    "GET manager.enrolment",
    "GET manager.enrolment_state",
    "GET manager.ask_for_device_name",
    "POST manager.rename_device",
    "GET manager.ask_to_move_device",
    "POST manager.move_device",
    "POST manager.let_device_stay",
    "GET manager.ask_to_revoke_device",
    "POST manager.revoke_device",
    "POST manager.add_clerk",
    "GET manager.ask_clerk_to_leave",
    "POST manager.let_clerk_leave",
    "GET manager.ask_for_pin",
    "POST manager.set_pin",
    "GET manager.ask_to_roll_till_key",
    "POST manager.roll_till_key",
}
RUN_PEOPLE = {
    "GET manager.ask_about_post",
    "POST manager.change_post",
    "GET manager.ask_to_deactivate",
    "POST manager.deactivate",
    "POST manager.reactivate",
    "POST manager.end_browsers",
    "POST manager.make_reset",
    "GET manager.new_invitation",
    "POST manager.invite",
    "POST manager.withdraw_invitation",
}
READ_SHOP = {
    "GET manager.webhooks",
    "GET manager.webhook",
}
RUN_SHOP = {
    "GET manager.new_webhook",
    "POST manager.add_webhook",
    "GET manager.edit_webhook",
    "POST manager.save_webhook",
    "GET manager.ask_to_rotate_webhook",
    "POST manager.rotate_webhook",
    "POST manager.enable_webhook",
    "POST manager.disable_webhook",
    "POST manager.resend_event",
    "GET manager.ask_to_delete_webhook",
    "POST manager.delete_webhook",
    "GET manager.new_key",
    "POST manager.make_key",
    "GET manager.ask_to_revoke_key",
    "POST manager.revoke_key",
    "GET manager.ask_to_roll_key",
    "POST manager.roll_key",
    "GET manager.new_partner",
    "POST manager.add_partner",
    "GET manager.ask_for_partner_name",
    "POST manager.rename_partner",
    "GET manager.new_store",
    "POST manager.add_store",
    "GET manager.ask_to_close_store",
    "POST manager.close_store",
    "POST manager.reopen_store",
    "GET manager.ask_to_close_partner",
    "POST manager.close_partner",
    "POST manager.reopen_partner",
    "GET manager.ask_about_store",
    "POST manager.change_store",
    "GET manager.ask_to_write_off",
    "POST manager.write_off",
    "GET manager.ask_to_go_on_without",
    "POST manager.go_on_without",
    "GET manager.ask_to_end_recovery",
    "POST manager.end_recovery",
    "GET manager.ask_about_forgotten",
    "POST manager.go_on_without_forgotten",
    "GET manager.ask_about_orders",
    "POST manager.orders_are_complete",
    "POST manager.admit_entries",
    "POST manager.leave_entries",
    "POST manager.decide_conflict",
    "POST manager.reveal_code",
    "GET manager.ask_to_undo_gift",
    "POST manager.undo_gift",
    "GET manager.ask_about_pending",
    "POST manager.decide_about_pending",
    "GET manager.ask_to_close_statement",
    "POST manager.close_statement",
    "GET manager.new_campaign",
    "POST manager.make_campaign",
    "GET manager.edit_campaign",
    "POST manager.save_campaign",
    "POST manager.preview_campaign",
    "POST manager.stop_campaign",
    "POST manager.let_campaign_go_on",
    "POST manager.confirm_campaign",
    "GET manager.new_void",
    "POST manager.plan_void",
    "GET manager.void",
    "POST manager.begin_void",
    "POST manager.go_on_with_void",
    "GET manager.void_result",
}
ROLES = ("shop_manager", "auditor", "partner_manager", "store_manager", "south_manager")
RUNNERS = {"shop_manager", "partner_manager", "store_manager", "south_manager"}
MAY = (
    (ANYBODY, {*ROLES}),
    (SIGNED_IN, {*ROLES}),
    (READ, {*ROLES}),
    (RUN_STORES, RUNNERS),
    (RUN_PEOPLE, RUNNERS),
    (READ_SHOP, {"shop_manager", "auditor"}),
    (RUN_SHOP, {"shop_manager"}),
)
SEE = {
    "north": {"shop_manager", "auditor", "partner_manager", "store_manager"},
    "annex": {"shop_manager", "auditor", "partner_manager"},
    "south": {"shop_manager", "auditor", "south_manager"},
    "nowhere": set(),
}
UNKNOWN = {
    "store_id": "sto_01J00000000000000000000000",
    "device_id": "dev_01J00000000000000000000000",
    "clerk_id": "clk_01J00000000000000000000000",
    "enrolment_id": "enr_01J00000000000000000000000",
    "campaign_id": "cmp_99",
    "void_id": "bvd_01J00000000000000000000000",
    "coupon_id": "cpn_99_99",
    "journal_id": "dev_01J00000000000000000000001",
    "partner_id": "prt_01J00000000000000000000000",
    "conflict_id": "rdm_01J00000000000000000000000",
    "statement_id": "stm_01J00000000000000000000000",
    "manager_id": "mgr_01J00000000000000000000000",
    "invitation_id": "inv_01J00000000000000000000000",
    "endpoint_id": "whe_01J00000000000000000000000",
}
# What differs between two answers that tell the same: the request's own name, the form's token, what was asked for.
OWN = re.compile(r"req_[0-9A-Za-z]+|value=\"[^\"]+\"|/manager/[^\"]+")


@dataclass(frozen=True)
class Route:
    """One method of one rule."""

    name: str
    rule: str
    arguments: frozenset[str]

    @property
    def method(self) -> str:
        return self.name.split()[0]

    def path(self, ids: dict[str, str]) -> str:
        return re.sub(r"<(?:path:)?(\w+)>", lambda found: ids.get(found[1], "some"), self.rule)


def routes_of(app: Flask) -> list[Route]:
    return [
        Route(f"{method} {rule.endpoint}", rule.rule, frozenset(rule.arguments))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/manager")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]


def who_may(name: str) -> set[str]:
    return next(roles for names, roles in MAY if name in names)


ALL = sorted(set().union(*(names for names, _ in MAY)))


def test_every_route_is_classified(app):
    assert sorted(route.name for route in routes_of(app)) == ALL


def test_a_route_that_declares_nothing_is_not_served(office, monkeypatch):
    assert office("shop_manager").open("/manager/devices").status_code == 200
    monkeypatch.delitem(NEEDS, "manager.devices")
    assert office("shop_manager").open("/manager/devices").status_code == 404


@pytest.fixture
def targets(cast, database):
    """For each place the ids of one thing of each kind that belongs to it."""
    return database.write(lambda session: make_targets(session, cast)) | {"nowhere": UNKNOWN}


def make_targets(session: Session, cast: Cast) -> dict[str, dict[str, str]]:
    devices = {"north": cast.tablet_id, "annex": cast.annex_till_id, "south": cast.south_till_id}
    stores = {"north": cast.north, "annex": cast.annex, "south": cast.south}
    return {place: make_target(session, store, devices[place]) for place, store in stores.items()}


def make_target(session: Session, store_id: str, device_id: str) -> dict[str, str]:
    campaign = factories.campaign(session, "Here alone", stores=[store_id])
    return {
        "store_id": store_id,
        "device_id": device_id,
        "clerk_id": clerks.add_clerk(session, OPERATOR, store_id, "Vera", "no hash", now_ms()).id,
        "enrolment_id": enrolment.invite_tablet(session, OPERATOR, store_id, "New", now_ms(), 10).id,
        "campaign_id": f"cmp_{campaign.number}",
        "void_id": office_factories.bulk_void(session, campaign.number),
        "coupon_id": factories.coupon(session, campaign.number).id,
        "journal_id": office_factories.journal(session, store_id),
        "partner_id": session.get_one(Store, store_id).partner_id,
        "conflict_id": office_factories.two_gifts(session, campaign.number, device_id, store_id),
        "statement_id": office_factories.statement(session, store_id),
        "manager_id": auditor_of(session, store_id),
        "invitation_id": invitation_to(session, store_id),
        "endpoint_id": office_factories.endpoint(session),
    }


def auditor_of(session: Session, store_id: str) -> str:
    """Somebody who reads one store: below whoever runs it."""
    email = f"reads-{store_id.lower()}@example.org"
    return roles.add_manager(session, email, "Reader", Role.AUDITOR, "no hash", now_ms(), store_id=store_id).id


def invitation_to(session: Session, store_id: str) -> str:
    boss = roles.find_manager(session, "shop_manager@example.org")
    assert boss
    new = NewPerson(f"new-{store_id.lower()}@example.org", "New", Role.AUDITOR, None, store_id)
    return invitations.invite(session, roles.as_person(boss), new, now_ms()).id


@pytest.fixture
def links(app, cast, database) -> dict[str, str]:
    """By route's name what a link to it carries."""
    tools, now = app.extensions["redeem"], now_ms()

    def work(session: Session) -> tuple[str, Reset]:
        boss, auditor = (roles.find_manager(session, cast.managers[role]) for role in ("shop_manager", "auditor"))
        assert boss
        assert auditor
        reset, _ = password_resets.make_reset(session, roles.as_person(boss), auditor.id, now)
        return invitation_to(session, cast.north), reset

    invitation, reset = database.write(work)
    sealed = {
        "invitation": tools.links.seal(Purpose.INVITATION, {"invitation": invitation}),
        "reset": tools.links.seal(Purpose.PASSWORD_RESET, {"manager": reset.manager_id, "at": reset.at}),
    }
    return {
        **dict.fromkeys(("GET manager.invitation", "POST manager.accept_invitation"), sealed["invitation"]),
        **dict.fromkeys(("GET manager.reset", "POST manager.finish_reset"), sealed["reset"]),
    }


def ask(office: Office, route: Route, ids: dict[str, str]):
    path = route.path(ids)
    return office.open(path) if route.method == "GET" else office.send(path, {"reason": "a test"})


@pytest.mark.parametrize("name", ALL)
def test_nobody_comes_in_unknown(app, name, targets, links):
    [route] = [each for each in routes_of(app) if each.name == name]
    answer = ask(Office(app), route, targets["north"] | {"sealed": links.get(name, "")})
    if name in ANYBODY:
        assert answer.status_code in (200, 422)
    else:
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/manager/sign-in")


@pytest.mark.parametrize("name", ALL)
def test_each_role_does_what_it_may_where_it_may(app, cast, name, targets, enter, links):
    [route] = [each for each in routes_of(app) if each.name == name]
    has_place = bool(route.arguments & UNKNOWN.keys())
    prefix = {"prefix": api_key_format.parse(cast.reader_key).prefix, "sealed": links.get(name, "")}
    for role in ROLES:
        office = enter(role)
        for place in SEE if has_place else ("north",):
            status = ask(office, route, targets[place] | prefix).status_code
            allowed, seen = role in who_may(name), not has_place or role in SEE[place]
            if "statement_id" in route.arguments:  # it is for all stores of a partner
                seen = seen or (role == "partner_manager" and place != "nowhere" and place != "south")
                seen = seen and role != "store_manager"
            told = f"{role} at {place}: {status}"
            if name in ("GET manager.nowhere", "POST manager.end_session"):
                assert status == 404, told
            elif not allowed:
                assert status == 403, told
            elif not seen:
                assert status == 404, told
            else:
                assert status in (200, 303, 401, 422), told


@on_both_databases
def test_every_page_opens_on_both_databases(app, cast, targets, enter, links):
    manager, prefix = enter("shop_manager"), {"prefix": api_key_format.parse(cast.reader_key).prefix}
    for route in routes_of(app):
        known = {"sealed": links.get(route.name, "")}
        status = ask(manager, route, targets["north"] | prefix | known).status_code
        assert status in ((404,) if "nowhere" in route.name or "end_session" in route.name else (200, 303, 422)), route
        manager = enter("shop_manager") if "sign_out" in route.name else manager


@pytest.mark.parametrize("name", [name for name in ALL if name in READ | RUN_STORES | RUN_PEOPLE])
def test_what_is_anothers_is_answered_like_what_is_not_there(app, name, targets, enter):
    [route] = [each for each in routes_of(app) if each.name == name]
    if not route.arguments & UNKNOWN.keys():
        return
    for role, place in (("partner_manager", "south"), ("store_manager", "annex"), ("south_manager", "north")):
        foreign, unknown = (ask(enter(role), route, targets[where]) for where in (place, "nowhere"))
        assert foreign.status_code == unknown.status_code == 404
        assert OWN.sub("", foreign.text) == OWN.sub("", unknown.text)


@pytest.mark.parametrize(
    "page",
    [
        "/manager/",
        "/manager/devices",
        "/manager/stores",
        "/manager/devices/new",
        "/manager/figures.csv?table=stores",
        "/manager/quarantine",
        "/manager/conflicts",
        "/manager/late-undos",
        "/manager/statements",
        "/manager/recovery",
        "/manager/campaigns",
        "/manager/campaigns/cmp_1",
        "/manager/simulator?campaign=cmp_1",
        "/manager/people",
        "/manager/keys",
        "/manager/audit",
        "/manager/audit.csv",
        "/manager/invitations/new",
    ],
)
def test_no_page_names_anothers_stores(app, cast, database, targets, enter, page):
    database.write(lambda session: restore.begin(session, now_ms()))
    factory_names = {"north": "North, on the square", "annex": "North, at the station", "south": "South, by the river"}
    sees = {"store_manager": {"north"}, "partner_manager": {"north", "annex"}, "south_manager": {"south"}}
    for role, places in sees.items():
        text = enter(role).open(page).text
        assert [place for place, name in factory_names.items() if name in text and place not in places] == [], role


@pytest.mark.parametrize("name", ["campaign", "partner", "store"])
def test_the_filter_knows_only_ones_own(cast, database, enter, name):
    south_only = database.write(lambda session: factories.campaign(session, "South only", stores=[cast.south]).number)
    foreign = {"campaign": f"cmp_{south_only}", "partner": cast.south_partner, "store": cast.south}[name]
    for path in ("/manager/", "/manager/figures.csv"):
        assert enter("partner_manager").open(f"{path}?{name}={foreign}").status_code == 404
        assert enter("partner_manager").open(f"{path}?{name}=nothing").status_code == 404
        assert enter("shop_manager").open(f"{path}?{name}={foreign}").status_code == 200


def test_a_tablet_is_enrolled_at_ones_own_stores_alone(cast, enter):
    manager = enter("store_manager")
    form = {"kind": "tablet", "name": "Counter", "store": cast.annex}
    assert manager.send("/manager/devices/new", form).status_code == 404
    assert manager.send("/manager/devices/new", form | {"kind": "till"}).status_code == 404
    assert manager.send("/manager/devices/new", form | {"store": cast.north}).status_code == 303
