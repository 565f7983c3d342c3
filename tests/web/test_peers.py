"""Whose request it is: of the proxies only those are believed that the settings name."""

import json
from ipaddress import ip_address, ip_network

import pytest

from redeem.app import create_app
from redeem.db.models.managers import Throttle
from redeem.lib.times import MS_PER_DAY
from redeem.ops import doctor
from redeem.ops.doctor import Level
from redeem.web import peers
from redeem.web.peers import Peers, source_of
from tests.factories import all_of
from tests.web.office import Office

STRANGER, PROXY, INNER = "203.0.113.9", "10.0.0.1", "10.0.0.2"
TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "passed_on", "source"),
    [
        (PROXY, STRANGER, STRANGER),
        (PROXY, f"127.0.0.1, {STRANGER}", STRANGER),
        (PROXY, f"{STRANGER}, {INNER}", STRANGER),
        (PROXY, f"1.1.1.1, {STRANGER},{INNER} , 10.9.9.9", STRANGER),
        (PROXY, f"{STRANGER}:4711", STRANGER),
        (PROXY, "[2001:db8::7]:443", "2001:db8::7"),
        (PROXY, "2001:db8::7", "2001:db8::7"),
        ("fd00::1", STRANGER, STRANGER),
        ("::ffff:10.0.0.1", STRANGER, STRANGER),
        (PROXY, "::ffff:203.0.113.9", STRANGER),
        (PROXY, INNER, INNER),
        (PROXY, f"{STRANGER}, unknown", PROXY),
        (PROXY, "", PROXY),
        (PROXY, ", " * 10_000, PROXY),
        (STRANGER, "127.0.0.1", STRANGER),
        (STRANGER, f"1.1.1.1, {PROXY}", STRANGER),
    ],
)
def test_the_header_is_read_from_its_end_while_the_peer_is_trusted(peer, passed_on, source):
    assert source_of(peers.read_address(peer), passed_on, TRUSTED) == ip_address(source)


@pytest.fixture
def behind(settings):
    """Makes the application with these trusted proxies."""
    made = []

    def make(*trusted: str):
        app = create_app(settings.model_copy(update={"trusted_proxies": tuple(map(ip_network, trusted))}))
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["redeem"].database.close()


def wrong_tries(app, times: int, source: str) -> list[int]:
    office = Office(app)
    token = office.token()
    headers = {"X-Forwarded-For": source}
    forms = [{"csrf_token": token, "email": f"nobody{n}@example.org", "password": "wrong"} for n in range(times)]
    return [office.client.post("/manager/sign-in", data=form, headers=headers).status_code for form in forms]


def test_a_stranger_behind_a_trusted_proxy_locks_only_themselves_out(behind, cast, monkeypatch):
    monkeypatch.setattr("redeem.lib.passwords.verify", lambda *_: False)  # thirty hashes take a second
    app = behind("127.0.0.1")
    assert wrong_tries(app, 31, STRANGER) == [401] * 30 + [429]
    monkeypatch.undo()
    office = Office(app)
    form = {"csrf_token": office.token(), "email": cast.managers["shop_manager"], "password": "not the password"}
    answer = office.client.post("/manager/sign-in", data=form, headers={"X-Forwarded-For": "198.51.100.4"})
    assert answer.status_code == 401


def test_who_writes_the_header_themselves_is_counted_where_they_are(behind, database):
    wrong_tries(behind(), 1, "198.51.100.4")
    subjects = [row.subject for row in database.read(lambda db: all_of(db, Throttle))]
    assert "signin:source:127.0.0.1" in subjects
    assert not [subject for subject in subjects if "198.51" in subject]


def test_a_proxy_that_is_not_trusted_is_a_fault(behind, settings, tmp_path):
    instance = settings.instance_path
    assert doctor.check_proxies(settings, instance, 0).level is Level.OK
    behind().test_client().get("/healthz", headers={"X-Forwarded-For": STRANGER})
    now = json.loads((instance / peers.NOTE_FILE).read_text())["at"] * 1000
    found = doctor.check_proxies(settings, instance, now)
    assert found.level is Level.FAULT
    assert "REDEEM_TRUSTED_PROXIES=127.0.0.1" in found.words
    trusting = settings.model_copy(update={"trusted_proxies": (ip_network("127.0.0.0/8"),)})
    assert doctor.check_proxies(trusting, instance, now).level is Level.OK
    assert doctor.check_proxies(settings, instance, now + 8 * MS_PER_DAY).level is Level.OK


@pytest.mark.parametrize("peer", [STRANGER, "2001:db8::7", ""])
def test_a_header_from_the_internet_is_nobodys_proxy(peer, tmp_path):
    middleware = Peers(lambda environ, _: [environ["REMOTE_ADDR"].encode()], [], tmp_path / peers.NOTE_FILE)
    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": "127.0.0.1"}
    assert middleware(environ, lambda *_: None) == [peer.encode()]
    assert peers.last_untrusted(tmp_path) is None


def test_a_disk_that_is_full_stops_no_request(tmp_path):
    (tmp_path / "file").write_text("")
    middleware = Peers(lambda *_: [b"answered"], [], tmp_path / "file" / peers.NOTE_FILE)
    assert middleware({"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": STRANGER}, lambda *_: None) == [b"answered"]
