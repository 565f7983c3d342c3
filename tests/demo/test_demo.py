"""The demo: what a visitor is given, and a history that the ledger itself would have written."""

import json
import shutil
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from dotenv import dotenv_values
from flask import Flask
from nacl.signing import SigningKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from redeem.accounts import api_key_format, api_keys, roles
from redeem.accounts.audit import OPERATOR
from redeem.app import create_app
from redeem.config import load_settings
from redeem.coupons import issue
from redeem.coupons.issue import NewCoupon
from redeem.db import base
from redeem.db.engine import Database
from redeem.db.models import coupons, partners, reports
from redeem.db.models.devices import Clerk, Device, Enrolment
from redeem.db.models.ledger import Act as ActRow
from redeem.db.models.ledger import Redemption as RedemptionRow
from redeem.db.models.ledger import Reversal as ReversalRow
from redeem.demo import coupon_sheet, notes, offers, samples, seed, startup
from redeem.demo.crowd import local
from redeem.demo.devices import Row
from redeem.demo.partners import BY_KEY, DEMO_STORE, PARTNER_IDS, SHOP_ZONE, STORE_IDS, STORES
from redeem.demo.seed import NotADemo, World
from redeem.devices import enrolment as device_enrolment
from redeem.domain import tokens
from redeem.domain.acts import Act, Outcome
from redeem.domain.journal import read_entry
from redeem.domain.presented import Actor
from redeem.domain.rules import Verdict
from redeem.ledger import signing
from redeem.ledger.ledger import find_coupon
from redeem.ledger.signing import Signer
from redeem.lib import passwords
from redeem.lib.errors import BadToken
from redeem.lib.files import ROOT
from redeem.lib.links import Purpose
from redeem.lib.times import MS_PER_DAY, local_day
from redeem.redemptions.settle import settle
from redeem.redemptions.verify import verify
from redeem.sync.sync import Readers, take_all
from redeem.sync.tablet import lock_tablet
from redeem.web.context import Context
from tests import factories
from tests.factories import NOW, PROOFS, SECRET
from tests.tablets import Tablet

PICTURE_MAX_BYTES = 4_000
SHORT_DAYS = 16


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that was started once, with 90 days behind it."""

    app: Flask
    tools: Context
    started: startup.Started

    @property
    def notes(self) -> notes.Notes:
        return self.started.notes

    @property
    def database(self) -> Database:
        return self.tools.database


def open_demo(folder: Path, url: str | None = None, days: int = SHORT_DAYS, now: int = NOW, **how: bool) -> Demo:
    app, tools = open_app(folder, url)
    return Demo(app, tools, startup.start(app, tools, now, days=days, **how))


def open_app(folder: Path, url: str | None = None) -> tuple[Flask, Context]:
    settings = load_settings(
        secret_keys=SECRET,
        database_url=url or f"sqlite:///{folder}/redeem.sqlite",
        instance_path=folder,
        secure_cookies=False,
        time_zone=SHOP_ZONE,
    )
    app = create_app(settings)
    return app, app.extensions["redeem"]


def close(demo: Demo) -> None:
    demo.database.close()
    demo.database.engine.dispose()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    made = open_demo(tmp_path_factory.mktemp("demo"), days=90)
    yield made
    close(made)


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo that was started and stopped."""
    folder = tmp_path_factory.mktemp("left")
    close(open_demo(folder))
    return folder


@pytest.fixture
def short_demo(left_behind: Path, tmp_path: Path) -> Iterator[Demo]:
    """A demo of the test's own, of few days, with its files in tmp_path."""
    shutil.copytree(left_behind, tmp_path, dirs_exist_ok=True)
    file = tmp_path / notes.FILE
    told = startup.Started(notes.read(file), file, tmp_path / coupon_sheet.FILE, seeded=False, aged=[])
    made = Demo(*open_app(tmp_path), told)
    yield made
    close(made)


# What a visitor is given.


def test_it_notes_what_a_visitor_needs(demo: Demo):
    told = json.loads(demo.started.notes_file.read_text())
    assert told == demo.notes
    assert told["base_url"] == "http://127.0.0.1:8000"
    assert told["store"] == BY_KEY[DEMO_STORE].id
    assert told["campaign"] == "cmp_1"
    assert set(told["coupons"]) == {"valid", "at_home", "used", "expired", "not_yet", "void", "forged", "other_store"}
    assert len(set(told["coupons"]["valid"])) >= 50
    assert all(len(digits) == tokens.DIGITS for digits in flat(told["coupons"]))


def test_only_its_owner_can_read_the_secrets(demo: Demo):
    files = [demo.started.notes_file, demo.started.sheet_file]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]


def test_each_coupon_is_what_it_is_called(demo: Demo):
    expected = {kind: {verdict} for kind, (_, verdict) in samples.SPECIMENS.items()}
    found = {kind: {judge(demo, digits) for digits in flat(demo.notes["coupons"][kind])} for kind in expected}
    assert found == expected
    for good in ("valid", "at_home"):
        assert {judge(demo, digits) for digits in demo.notes["coupons"][good]} == {Verdict.GOOD}
    assert demo.started.aged == []


def test_a_forged_coupon_names_a_real_one_and_is_not_signed_by_us(demo: Demo):
    ring = demo.database.read(signing.load_ring)
    forged = tokens.read(demo.notes["coupons"]["forged"])
    assert demo.database.read(lambda session: find_coupon(session, forged.serial)) is not None
    with pytest.raises(BadToken, match=tokens.Fault.WRONG_SIGNATURE):
        tokens.verify(forged, ring)


def test_the_keys_open(demo: Demo):
    shop, till = known_key(demo, "shop_key"), known_key(demo, "till_key")
    assert shop
    assert shop.scopes == set(api_keys.SHOP_SCOPES)
    assert till
    assert till.actor == samples.till()


def test_each_role_has_a_manager_with_a_password_of_his_own(demo: Demo):
    managers = demo.notes["managers"]
    assert {one["role"] for one in managers} == set(roles.Role)
    assert len({one["password"] for one in managers}) == len(managers)
    assert demo.notes["manager"] == {name: managers[0][name] for name in ("email", "password")}
    for one in managers:
        assert passwords.verify(password_hash(demo, one["email"]), one["password"])


def test_a_clerk_of_the_store_has_a_pin(demo: Demo):
    clerk = demo.notes["clerk"]
    row = demo.database.read(lambda session: session.get_one(Clerk, clerk["id"]))
    assert row.store_id == demo.notes["store"]
    assert passwords.verify(row.pin_hash, clerk["pin"])


def test_the_enrolment_link_lives_for_a_day(demo: Demo):
    link = demo.notes["enrolment_url"].partition("#enrol=")[2]
    opened = demo.tools.links.open(Purpose.ENROLMENT, link, 60)
    row = demo.database.read(lambda session: session.get_one(Enrolment, opened["enrolment"]))
    assert row.expires_at - NOW == MS_PER_DAY


def test_each_gift_is_told_in_two_languages_with_a_light_picture():
    for campaign in offers.campaigns(NOW_DATE, PARTNER_IDS, STORE_IDS):
        assert set(campaign.terms.offer) == {"en", "ru"}
        pictures = {ROOT / str(part.picture).lstrip("/") for part in campaign.terms.offer.values()}
        assert all(picture.stat().st_size < PICTURE_MAX_BYTES for picture in pictures)


def test_no_tablet_that_never_answers_holds_coupons_where_visitors_try_them(short_demo: Demo):
    new = NewCoupon(offers.COFFEE, home_store_id=short_demo.notes["store"])
    coupon = short_demo.database.write(lambda session: issue.issue(session, new, factories.mint(), NOW)).coupon
    give(short_demo, coupon.serial, "attempt")


def test_settings_that_a_visitor_wrote_are_kept(tmp_path: Path):
    file = tmp_path / "redeem.env"
    file.write_text("REDEEM_SESSION_HOURS=3\nREDEEM_MOTTO='it\\'s \\\\ warm'\n")
    startup.settle_settings(file, "127.0.0.1", 8010)
    once = dotenv_values(file)
    startup.settle_settings(file, "127.0.0.1", 8010)
    assert dotenv_values(file) == once
    assert once["REDEEM_SESSION_HOURS"] == "3"
    assert once["REDEEM_MOTTO"] == "it's \\ warm"
    assert once["REDEEM_BASE_URL"] == "http://127.0.0.1:8010"


def test_each_machine_has_a_secret_of_its_own(tmp_path: Path):
    secrets = set()
    for name in ("one", "other"):
        startup.settle_settings(tmp_path / name / "redeem.env", "127.0.0.1", 8000)
        secrets.add(dotenv_values(tmp_path / name / "redeem.env")["REDEEM_SECRET_KEYS"])
    assert len(secrets) == 2


# Later starts.


def test_a_second_start_keeps_everything_but_the_link(short_demo: Demo, tmp_path: Path):
    again = open_demo(tmp_path, now=NOW + MS_PER_DAY)
    assert not again.started.seeded
    kept = ("shop_key", "till_key", "manager", "managers", "clerk", "coupons")
    assert {name: again.notes[name] for name in kept} == {name: short_demo.notes[name] for name in kept}
    assert again.notes["enrolment_url"] != short_demo.notes["enrolment_url"]
    close(again)


def test_good_coupons_that_were_used_are_made_up_for(short_demo: Demo, tmp_path: Path):
    gone = short_demo.notes["coupons"]["valid"][:20]
    for number, digits in enumerate(gone):
        give(short_demo, tokens.read(digits).serial, f"attempt {number}")
    again = open_demo(tmp_path)
    assert len(again.notes["coupons"]["valid"]) == samples.GOOD_ONES
    assert not set(gone) & set(again.notes["coupons"]["valid"])
    close(again)


def test_a_tablet_of_the_visitor_holds_what_is_at_home(short_demo: Demo):
    """So that it gives these without a network; the tablets of the store's past are gone."""
    serials = [tokens.read(digits).serial for digits in short_demo.notes["coupons"]["at_home"]]
    store, key = BY_KEY[DEMO_STORE].id, SigningKey.generate()

    def enrol(session: Session) -> str:
        enrolment = device_enrolment.invite_tablet(session, OPERATOR, store, "Visitor", NOW, 10)
        return device_enrolment.enrol(session, enrolment.id, bytes(key.verify_key), NOW).id

    visitor = Tablet(short_demo.database, short_demo.database.write(enrol), key)
    visitor.sync()
    held = select(coupons.Coupon.holder_id).where(coupons.Coupon.serial.in_(serials))
    assert set(short_demo.database.read(lambda session: list(session.scalars(held)))) == {visitor.device_id}


def test_the_sheet_is_drawn_again_only_for_other_coupons(short_demo: Demo, tmp_path: Path):
    sheet_file = tmp_path / coupon_sheet.FILE
    drawn_at = sheet_file.stat().st_mtime_ns
    close(open_demo(tmp_path))
    assert sheet_file.stat().st_mtime_ns == drawn_at
    give(short_demo, tokens.read(short_demo.notes["coupons"]["valid"][0]).serial, "attempt")
    close(open_demo(tmp_path))
    assert sheet_file.stat().st_mtime_ns > drawn_at


def test_lost_notes_are_made_anew_and_the_old_keys_open_nothing(short_demo: Demo, tmp_path: Path):
    short_demo.started.notes_file.write_text("{not JSON")
    again = open_demo(tmp_path)
    assert again.notes["manager"]["password"] != short_demo.notes["manager"]["password"]
    assert known_key(again, "shop_key")
    assert known_key(again, "till_key")
    assert not known_key(short_demo, "shop_key")
    assert not known_key(short_demo, "till_key")
    close(again)


def test_a_fresh_start_forgets_what_was_there(short_demo: Demo, tmp_path: Path):
    give(short_demo, tokens.read(short_demo.notes["coupons"]["valid"][0]).serial, "attempt")
    close(short_demo)
    again = open_demo(tmp_path, fresh=True)
    assert again.started.seeded
    assert again.notes["shop_key"] != short_demo.notes["shop_key"]
    assert not {"attempt"} & {act.name for act in all_acts(again)}
    close(again)


@pytest.mark.parametrize("fresh", [False, True])
def test_somebodys_own_data_is_left_alone(app: Flask, database: Database, fresh: bool):
    with pytest.raises(NotADemo):
        startup.start(app, app.extensions["redeem"], NOW, fresh=fresh)
    assert database.read(lambda session: session.scalar(select(func.count()).select_from(partners.Partner))) == 2


def test_it_says_which_coupons_have_aged(short_demo: Demo, tmp_path: Path):
    again = open_demo(tmp_path, now=NOW + 400 * MS_PER_DAY)
    assert "not_yet" in again.started.aged
    close(again)


def test_it_starts_on_postgresql_too(postgres_url: str, tmp_path: Path):
    made = open_demo(tmp_path, postgres_url)
    again = open_demo(tmp_path, postgres_url)
    assert again.notes["shop_key"] == made.notes["shop_key"]
    assert recount(made.database) == counted(made.database)
    fresh = open_demo(tmp_path, postgres_url, fresh=True)
    assert fresh.started.seeded
    for one in (made, again, fresh):
        close(one)


# The history.


def test_ninety_days_are_there_and_hold_together(demo: Demo):
    redeemed = [count for (*_, outcome), count in counted(demo.database).items() if outcome == Outcome.REDEEMED]
    assert sum(redeemed) > 3_000
    days = {day for (day, *_, outcome) in counted(demo.database) if outcome == Outcome.REDEEMED}
    assert len(days) > 85
    outcomes = {outcome for *_, outcome in counted(demo.database)}
    assert {"reversed", "withdrawn", "refusal:no_receipt", "decline:expired", "declined:already_redeemed"} <= outcomes


def test_the_tally_equals_a_recount_of_the_acts(demo: Demo):
    assert recount(demo.database) == counted(demo.database)


def test_the_server_makes_the_same_ledger_of_the_same_acts(tmp_path: Path):
    """The journals go entry by entry through the real thing, which checks their chains and signatures as well."""
    world, signer = make_world()
    seeded, replayed = stage_of(tmp_path / "seeded", world), stage_of(tmp_path / "replayed", world)
    seeded.database.write(lambda session: seed.write(session, seed.acts(world)))
    replayed.database.write(lambda session: replay(session, world))
    assert counted(replayed.database) == counted(seeded.database)
    assert standing(replayed.database) == standing(seeded.database)
    assert reversals(replayed.database) == reversals(seeded.database)
    assert answers(replayed.database) == answers(seeded.database)
    assert journal_ends(replayed.database) == {
        row["id"]: (row["last_number"], row["last_hash"]) for row in seed.seen(world)
    }
    assert signer.newest == 1
    close(seeded)
    close(replayed)


def test_the_same_seed_makes_the_same_world():
    key = SigningKey.generate()
    one, other = (seed.make(Signer(1, {1: key}), SHOP_ZONE, NOW, SHORT_DAYS) for _ in range(2))
    assert coupons_of(one) == coupons_of(other)
    assert one.history.books.tally == other.history.books.tally
    assert [row["id"] for row in one.history.books.acts] == [row["id"] for row in other.history.books.acts]


def test_nothing_happens_after_now_or_before_its_coupon_was_issued():
    world, _ = make_world()
    issued = {one.campaign.number << 32 | one.number: one.issued_at for one in world.crowd}
    acts = world.history.books.acts
    assert max(row["at"] for row in acts) <= NOW
    assert all(row["at"] > issued[row["serial"]] for row in acts if row["serial"] is not None)
    assert all(one.issued_at <= NOW and (one.voided_at or 0) <= NOW for one in world.crowd)


# Helpers.

NOW_DATE = local(NOW, SHOP_ZONE).date()


def flat(coupons: object) -> list[str]:
    if isinstance(coupons, str):
        return [coupons]
    values = coupons.values() if isinstance(coupons, dict) else coupons
    return [digits for one in values for digits in flat(one)]  # type: ignore[attr-defined]


def judge(demo: Demo, digits: str) -> str:
    serial = tokens.verify(tokens.read(digits), demo.database.read(signing.load_ring)).serial
    return demo.database.read(lambda session: verify(session, samples.till(), serial, NOW).verdict)


def known_key(demo: Demo, name: str) -> api_keys.KnownKey | None:
    prefix = api_key_format.parse(demo.notes[name]).prefix
    return demo.database.read(lambda session: api_keys.find_key(session, prefix))


def password_hash(demo: Demo, email: str) -> str | None:
    manager = demo.database.read(lambda session: roles.find_manager(session, email))
    return manager.password_hash if manager else None


def give(demo: Demo, serial: int, name: str) -> None:
    act = Act(samples.till(), name, "redeem", name.ljust(43, "x"), serial=serial)
    assert demo.database.write(lambda session: settle(session, act, NOW)).redeemed


def all_acts(demo: Demo) -> list[ActRow]:
    return demo.database.read(lambda session: list(session.scalars(select(ActRow))))


def counted(database: Database) -> Counter[tuple[int, int, str, str]]:
    tally = reports.Tally
    total = select(tally.day, tally.campaign_number, tally.store_id, tally.outcome, func.sum(tally.count)).group_by(
        tally.day, tally.campaign_number, tally.store_id, tally.outcome
    )
    rows = database.read(lambda session: session.execute(total).all())
    return Counter({(day, campaign, store, outcome): int(count) for day, campaign, store, outcome, count in rows})


def recount(database: Database) -> Counter[tuple[int, int, str, str]]:
    """The tally as it follows from the acts and reversals alone."""
    rows = database.read(
        lambda session: session.execute(
            select(ActRow, ReversalRow.reason, partners.Store.time_zone)
            .outerjoin(ReversalRow, ReversalRow.act_id == ActRow.id)
            .join(partners.Store, partners.Store.id == ActRow.store_id)
        ).all()
    )
    count: Counter[tuple[int, int, str, str]] = Counter()
    for act, reason, zone in rows:
        campaign = -1 if act.serial is None else act.serial >> 32
        for outcome in outcomes(act, reason):
            count[local_day(act.at, zone), campaign, act.store_id, outcome] += 1
    return count


def outcomes(act: ActRow, taken_back: str | None) -> Iterator[str]:
    if act.kind in ("decline", "refusal"):
        said = json.loads(act.entry or "{}")
        yield f"{act.kind}:{said.get('reason') or said['code']}"
    elif act.code == Outcome.REDEEMED:
        yield "redeemed"
        if taken_back:
            yield "withdrawn" if taken_back in ("not_handed_over", "cancelled") else "reversed"
    elif act.kind in ("redeem", "ask"):
        yield f"declined:{act.code}"


def make_world() -> tuple[World, Signer]:
    signer = Signer(1, {1: SigningKey(b"a key that signs for one test ..")})
    return seed.make(signer, SHOP_ZONE, NOW, SHORT_DAYS), signer


def stage_of(folder: Path, world: World) -> Demo:
    """A database with all that was there before the first act."""
    folder.mkdir()
    app, tools = open_app(folder)
    base.Base.metadata.create_all(tools.database.engine)
    key = b"a key that signs for one test .."
    tools.database.write(lambda session: signing.rotate(session, tools.sealer, NOW, seed=key))
    tools.database.write(lambda session: seed.write(session, seed.stage(world)))
    return Demo(app, tools, startup.Started({}, folder, folder, seeded=True, aged=[]))


def replay(session: Session, world: World) -> None:
    """Hands each act to the server as its device would, at its time."""
    readers = Readers(signing.load_ring(session), PROOFS)
    reasons = {one["by_act_id"]: one["reason"] for one in world.history.books.reversals}
    for row in sorted(world.history.books.acts, key=lambda row: (row["at"], row["id"])):
        if row["entry"]:
            entry = read_entry(row["entry"], row["signature"])
            _, fault = take_all(session, lock_tablet(session, row["device_id"]), [entry], readers, row["at"])
            assert fault is None
        else:
            settle(session, till_act(session, row, reasons.get(row["id"])), row["at"])


def till_act(session: Session, row: Row, reason: str | None) -> Act:
    store = next(store for store in STORES if store.id == row["store_id"])
    actor = Actor(row["device_id"], "Till 1", store.id, store.name, store.partner_id, store.zone)
    of = session.scalar(select(RedemptionRow.act_id).where(RedemptionRow.serial == row["serial"]))
    return Act(
        actor,
        row["name"],
        row["kind"],
        row["fingerprint"],
        serial=row["serial"],
        of_act_id=of if row["kind"] == "reverse" else None,
        reason=reason,
    )


def standing(database: Database) -> set[tuple[object, ...]]:
    columns = (
        RedemptionRow.serial,
        RedemptionRow.device_id,
        RedemptionRow.at,
        RedemptionRow.handed_over_at,
    )
    return {tuple(row) for row in database.read(lambda session: session.execute(select(*columns)).all())}


def reversals(database: Database) -> set[tuple[object, ...]]:
    columns = (ActRow.serial, ActRow.device_id, ActRow.at, ReversalRow.reason, ReversalRow.at)
    joined = select(*columns).join(ReversalRow, ReversalRow.act_id == ActRow.id)
    return {tuple(row) for row in database.read(lambda session: session.execute(joined).all())}


def answers(database: Database) -> dict[tuple[str, str], tuple[object, ...]]:
    """What each act was answered; but for the redemption's own id, which is drawn by lot."""

    def told(act: ActRow) -> dict[str, object]:
        return {name: value for name, value in json.loads(act.answer).items() if name != "redemption"}

    acts = database.read(lambda session: list(session.scalars(select(ActRow))))
    return {
        (act.device_id, act.name): (act.kind, act.code, act.serial, act.clerk_id, act.at, str(told(act)))
        for act in acts
    }


def journal_ends(database: Database) -> dict[str, tuple[int, str | None]]:
    tablets = select(Device).where(Device.kind == "tablet")
    devices = database.read(lambda session: list(session.scalars(tablets)))
    return {device.id: (device.last_number, device.last_hash) for device in devices}


def coupons_of(world: World) -> list[Row]:
    return seed.coupon_rows(world, Random(1))
