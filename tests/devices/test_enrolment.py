"""Enrolling: a link makes one device."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from redeem.accounts import api_key_format, api_keys
from redeem.accounts.audit import OPERATOR
from redeem.db.models.devices import Device
from redeem.devices import enrolment
from redeem.devices.enrolment import ExpiredEnrolment, UsedEnrolment
from redeem.lib.errors import Conflict, Invalid, NotFound
from tests.databases import on_both_databases
from tests.factories import NOW

MINUTE = 60_000
KEY, OTHER_KEY = (bytes(SigningKey(bytes([n]) * 32).verify_key) for n in (1, 2))
SMALL_ORDER = bytes(32)


@pytest.fixture
def link(database, cast):
    made = database.write(
        lambda session: enrolment.invite_tablet(session, OPERATOR, cast.north, "Counter 2", NOW, minutes=10)
    )
    return made.id


@pytest.fixture
def enrol(database):
    return lambda link, key=KEY, now=NOW: database.write(lambda session: enrolment.enrol(session, link, key, now))


# Once.


@on_both_databases
def test_a_link_makes_the_device_that_it_was_made_for(enrol, cast, link):
    device = enrol(link)
    assert (device.kind, device.store_id, device.name, device.public_key) == ("tablet", cast.north, "Counter 2", KEY)


@on_both_databases
def test_the_same_key_again_gets_the_same_device(enrol, link):
    assert enrol(link).id == enrol(link, now=NOW + 60 * MINUTE).id


@on_both_databases
def test_another_key_is_refused(enrol, link):
    enrol(link)
    with pytest.raises(UsedEnrolment):
        enrol(link, OTHER_KEY)


@on_both_databases
def test_of_many_tablets_at_once_one_is_enrolled(database, enrol, link):
    parallel = 20
    barrier = Barrier(parallel)

    def attempt(number):
        key = bytes(SigningKey(bytes([number + 10]) * 32).verify_key)
        barrier.wait()
        try:
            return enrol(link, key).id
        except UsedEnrolment:
            return None

    with ThreadPoolExecutor(parallel) as pool:
        got = [device for device in pool.map(attempt, range(parallel)) if device]
    of_link = select(Device.id).where(Device.enrolment_id == link)
    assert database.read(lambda session: list(session.scalars(of_link))) == got
    assert len(got) == 1


@on_both_databases
def test_one_tablet_that_asks_many_times_at_once_is_one_device(enrol, link):
    parallel = 20
    barrier = Barrier(parallel)

    def attempt(_):
        barrier.wait()
        return enrol(link).id

    with ThreadPoolExecutor(parallel) as pool:
        assert len(set(pool.map(attempt, range(parallel)))) == 1


@on_both_databases
def test_one_key_is_one_device(database, cast, enrol, link):
    enrol(link)
    second = database.write(
        lambda session: enrolment.invite_tablet(session, OPERATOR, cast.south, "Elsewhere", NOW, 10)
    ).id
    with pytest.raises(Conflict, match="new key"):
        enrol(second)


def test_a_link_has_its_time(enrol, link):
    with pytest.raises(ExpiredEnrolment):
        enrol(link, now=NOW + 10 * MINUTE + 1)
    assert enrol(link, now=NOW + 10 * MINUTE)


def test_a_revoked_tablet_does_not_come_back_by_its_link(database, enrol, link):
    device = enrol(link)
    database.write(lambda session: enrolment.revoke_device(session, OPERATOR, device.id, NOW))
    with pytest.raises(UsedEnrolment):
        enrol(link)


def test_a_link_of_nobody_opens_nothing(enrol):
    with pytest.raises(NotFound):
        enrol("enr_" + "0" * 26)


@pytest.mark.parametrize("key", [b"", b"x" * 31, SMALL_ORDER, b"\xff" * 32])
def test_a_key_that_is_none_is_refused(enrol, link, key):
    with pytest.raises(Invalid):
        enrol(link, key)
    assert enrol(link).public_key == KEY


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\0b", "a\u202eb"])
def test_a_device_has_a_name_that_can_be_read(database, cast, name):
    with pytest.raises(Invalid):
        database.write(lambda session: enrolment.invite_tablet(session, OPERATOR, cast.north, name, NOW, 10))


def test_there_is_no_device_without_a_store(database):
    with pytest.raises(NotFound):
        database.write(lambda session: enrolment.invite_tablet(session, OPERATOR, "sto_x", "Counter", NOW, 10))


# Tills.


def test_a_tills_key_ends_with_the_till(database, cast):
    def known():
        prefix = api_key_format.parse(cast.north_till).prefix
        return database.read(lambda session: api_keys.find_key(session, prefix))

    assert known()
    for _ in range(2):
        database.write(lambda session: enrolment.revoke_device(session, OPERATOR, cast.north_till_id, NOW))
        assert known() is None
