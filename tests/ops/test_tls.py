"""TLS by the server itself: its settings, what the doctor says of the files, and the script that makes them."""

import http.client
import re
import socket
import ssl
import stat
import time
from pathlib import Path

import pytest

from redeem.config import BadConfiguration, Settings, load_settings
from redeem.demo import startup
from redeem.ops import doctor, server, tls
from redeem.ops.doctor import Level
from redeem.ops.tls import BadCertificate, Pair
from tests.certificates import Files, lan_certificate, of_its_own, openssl
from tests.commands import command, started, until_ready
from tests.factories import SECRET
from tests.ports import kept_port

HOST = "tills.example"
DAY_MS = 86_400_000


def told(files: Files, base_url: str = f"https://{HOST}:8443") -> list[tuple[Level, str]]:
    settings = load_settings(secret_keys=SECRET, base_url=base_url, **files.settings)
    found = doctor.check_certificate(settings, time.time_ns() // 1_000_000)
    return [(finding.level, finding.words) for finding in found]


def only_fault(findings: list[tuple[Level, str]]) -> str:
    assert [level for level, _ in findings] == [Level.FAULT], findings
    return findings[0][1]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return of_its_own(tmp_path, HOST, 90)


# Settings.


@pytest.mark.parametrize("alone", ["tls_certificate", "tls_key"])
def test_a_certificate_without_a_key_is_refused_and_the_other_way_round(alone: str):
    with pytest.raises(BadConfiguration, match=r"^REDEEM_TLS_KEY: .*REDEEM_TLS_CERTIFICATE: set both"):
        load_settings(secret_keys=SECRET, **{alone: Path("tls/one")})


def test_relative_paths_are_in_the_instances_folder(tmp_path: Path):
    settings = load_settings(
        secret_keys=SECRET, instance_path=tmp_path, tls_certificate="tls/a.crt", tls_key="/elsewhere/a.key"
    )
    assert tls.pair_of(settings) == Pair(tmp_path / "tls/a.crt", Path("/elsewhere/a.key"))
    assert tls.pair_of(load_settings(secret_keys=SECRET)) is None


def test_the_address_follows(settings: Settings, files: Files):
    secure = settings.model_copy(update=files.settings)
    assert server.plan(secure, "0.0.0.0", 8443).url("https://192.168.1.20:8443") == "https://192.168.1.20:8443"
    assert server.plan(settings, "fd00::2", 8000).url("http://shop.example") == "http://[fd00::2]:8000"


def test_nothing_is_served_with_files_that_do_not_fit(settings: Settings, files: Files, tmp_path: Path):
    other = of_its_own(tmp_path, "other.example", 90)
    with pytest.raises(BadCertificate):
        server.plan(settings.model_copy(update=Files(files.certificate, other.key).settings), "127.0.0.1", 8443)


@pytest.mark.parametrize(
    ("environment", "address", "cookies"),
    [
        ({}, "http://192.168.1.20:8000", "false"),
        ({"REDEEM_TLS_CERTIFICATE": "tls/server.crt"}, "https://192.168.1.20:8000", "true"),
        ({"REDEEM_BASE_URL": "https://tills.example"}, "https://tills.example", "true"),
    ],
)
def test_the_demo_writes_the_address_that_tablets_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], address: str, cookies: str
):
    for name in ("REDEEM_TLS_CERTIFICATE", "REDEEM_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    startup.settle_settings(tmp_path / "redeem.env", "192.168.1.20", 8000)
    written = (tmp_path / "redeem.env").read_text()
    assert f"REDEEM_BASE_URL='{address}'" in written
    assert f"REDEEM_SECURE_COOKIES='{cookies}'" in written


def test_a_demo_for_every_network_must_know_its_address(tmp_path: Path):
    refused = command(tmp_path, "demo", "--host", "0.0.0.0", PORT=str(kept_port()))
    assert refused.returncode == 2
    assert "REDEEM_BASE_URL" in refused.stderr
    assert list(tmp_path.iterdir()) == []


# The doctor.


def test_a_good_certificate_is_told_with_its_days(files: Files):
    assert [level for level, _ in told(files)] == [Level.OK]
    assert re.search("for (89|90) days more", told(files)[0][1])


def test_without_tls_nothing_is_said_of_it(settings: Settings):
    assert list(doctor.check_certificate(settings, 0)) == []


@pytest.mark.parametrize(("days", "words"), [(-1, "expired"), (13, "ends in 1[23] days"), (3, "ends in [23] days")])
def test_a_certificate_that_ended_or_soon_will_is_a_fault(tmp_path: Path, days: int, words: str):
    assert re.search(words, only_fault(told(of_its_own(tmp_path, HOST, days))))


@pytest.mark.parametrize("url", ["https://192.168.1.20:8443", "https://gift.example", f"https://x.{HOST}"])
def test_a_certificate_for_another_host_is_a_fault(files: Files, url: str):
    assert "mismatch" in only_fault(told(files, url))


def test_an_address_without_https_is_a_fault(files: Files):
    assert [level for level, _ in told(files, f"http://{HOST}")] == [Level.FAULT, Level.OK]


def test_files_that_are_missing_strange_or_not_a_pair_are_faults(files: Files, tmp_path: Path):
    other = of_its_own(tmp_path, "other.example", 90)
    assert "don't" not in only_fault(told(Files(files.certificate, tmp_path / "none.key")))
    assert "No such file" in only_fault(told(Files(tmp_path / "none.crt", files.key)))
    assert "are not a certificate and its key" in only_fault(told(Files(files.certificate, other.key)))
    assert "are not a certificate and its key" in only_fault(told(Files(files.key, files.key)))
    (tmp_path / "folder").mkdir()
    assert "Is a directory" in only_fault(told(Files(tmp_path / "folder", files.key)))


def test_a_key_with_a_password_is_a_fault_and_nobody_is_asked(files: Files, tmp_path: Path):
    locked = tmp_path / "locked.key"
    openssl("pkcs8", "-topk8", "-in", files.key, "-out", locked, "-passout", "pass:hunter2")
    assert "password" in only_fault(told(Files(files.certificate, locked)))


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_that_others_can_read_is_told(files: Files, mode: int):
    files.key.chmod(mode)
    assert [level for level, _ in told(files)] == [Level.OK, Level.WARNING]


# The script.


def test_it_makes_an_authority_once_and_a_certificate_for_all_the_names(tmp_path: Path):
    first = lan_certificate(tmp_path, "192.168.1.20", HOST, "fd00::7", PORT="8010")
    assert first.returncode == 0, first.stderr
    folder = tmp_path / "tls"
    assert {file.name for file in folder.iterdir()} == {
        "authority.crt",
        "authority.key",
        "names",
        "server.crt",
        "server.key",
    }
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in ("authority.key", "server.key")} == {0o600}
    assert (
        f"export REDEEM_BASE_URL=https://192.168.1.20:8010 REDEEM_TRUSTED_HOSTS=192.168.1.20,{HOST},fd00::7"
        in first.stdout
    )
    made = Files(folder / "server.crt", folder / "server.key")
    for host in ("192.168.1.20:8010", HOST, "[fd00::7]"):
        assert [level for level, _ in told(made, f"https://{host}")] == [Level.OK]
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    renewed = lan_certificate(tmp_path)
    assert renewed.returncode == 0, renewed.stderr
    after = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"server.crt", "server.key"}


def test_the_authority_vouches_for_nobody_else(tmp_path: Path):
    assert lan_certificate(tmp_path, "192.168.1.20").returncode == 0
    before = {file.name: file.read_bytes() for file in (tmp_path / "tls").iterdir()}
    for other in ("192.168.1.21", HOST, "fd00::7"):
        refused = lan_certificate(tmp_path, other)
        assert refused.returncode == 1
        assert "doesn't vouch for" in refused.stderr
    assert {file.name: file.read_bytes() for file in (tmp_path / "tls").iterdir()} == before


@pytest.mark.parametrize(
    "names", [(), ("a b",), ("-x",), ("*.example",), ("a,DNS:b",), ("300.1.1.1",), ("x\n[y]",), ("пример",)]
)
def test_what_is_no_name_is_refused_and_nothing_is_left(tmp_path: Path, names: tuple[str, ...]):
    assert lan_certificate(tmp_path, *names).returncode == 1
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_half_of_an_authority_is_not_written_over(tmp_path: Path):
    assert lan_certificate(tmp_path, HOST).returncode == 0
    (tmp_path / "tls" / "authority.key").unlink()
    before = {file.name: file.read_bytes() for file in (tmp_path / "tls").iterdir()}
    assert "one file is missing" in lan_certificate(tmp_path, HOST).stderr
    assert {file.name: file.read_bytes() for file in (tmp_path / "tls").iterdir()} == before


def test_it_says_that_openssl_is_missing(tmp_path: Path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").symlink_to("/bin/sh")
    refused = lan_certificate(tmp_path / "instance", HOST, PATH=str(tmp_path / "bin"))
    assert (refused.returncode, refused.stderr.partition(":")[0]) == (1, "openssl was not found")


# Both together.


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_it_is_served_as_the_script_says_and_says_ready(tmp_path: Path):
    port = kept_port()
    words = lan_certificate(tmp_path, "127.0.0.1", PORT=str(port)).stdout
    exported = dict(re.findall(r"\b(REDEEM_[A-Z_]+)=(\S+)", words)) | {"REDEEM_SECRET_KEYS": SECRET}
    assert command(tmp_path, "db", "upgrade", **exported).returncode == 0
    with started(tmp_path, "serve", "--port", str(port), **exported) as (_, lines):
        assert until_ready(lines) == [f"ready https://127.0.0.1:{port}"]
        assert asked(port, ssl.create_default_context(cafile=tmp_path / "tls" / "authority.crt")) == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            asked(port, ssl.create_default_context())
        assert spoken(port, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
        assert spoken(port, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
        with pytest.raises(ssl.SSLError, match="_ALERT_"):  # the server's own word
            spoken(port, ssl.TLSVersion.TLSv1_1)


def spoken(port: int, newest: ssl.TLSVersion) -> str | None:
    """The version of TLS that the server speaks with a client that knows `newest` and older ones."""
    context = tls.unverified_context()
    context.set_ciphers("ALL:@SECLEVEL=0")  # without it OpenSSL itself would not speak the old ones
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, newest
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as line,
        context.wrap_socket(line, server_hostname="127.0.0.1") as secured,
    ):
        return secured.version()


def asked(port: int, trusting: ssl.SSLContext) -> int:
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=trusting)
    connection.request("GET", "/healthz")
    return connection.getresponse().status
