"""The configuration: typed, read once, and refused with every fault named."""

import pytest

from redeem.app import create_app
from redeem.config import BadConfiguration, load_settings

GOOD = "a secret of thirty-two characters"
OTHER = "another one, as long as the first"


@pytest.fixture(autouse=True)
def a_bare_environment(monkeypatch, tmp_path):
    for name in ("SECRET_KEYS", "DATABASE_URL", "BASE_URL", "ENV_FILE", "TRUSTED_HOSTS", "SECURE_COOKIES"):
        monkeypatch.delenv(f"REDEEM_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


def test_there_is_no_secret_by_default():
    with pytest.raises(BadConfiguration, match="REDEEM_SECRET_KEYS"):
        load_settings()


def test_a_short_secret_is_refused_and_not_repeated(monkeypatch):
    monkeypatch.setenv("REDEEM_SECRET_KEYS", "tooshortasecret")
    with pytest.raises(BadConfiguration, match="REDEEM_SECRET_KEYS") as refused:
        load_settings()
    assert "tooshortasecret" not in refused.value.detail


def test_every_fault_is_named_at_once(monkeypatch):
    for name, value in (
        ("SECRET_KEYS", "short"),
        ("BASE_URL", "ftp://gifts.example"),
        ("MAX_BODY_BYTES", "12"),
        ("TIME_ZONE", "Mars/Olympus"),
    ):
        monkeypatch.setenv(f"REDEEM_{name}", value)
    with pytest.raises(BadConfiguration) as refused:
        load_settings()
    named = {line.partition(":")[0] for line in refused.value.detail.splitlines()}
    assert named == {"REDEEM_SECRET_KEYS", "REDEEM_BASE_URL", "REDEEM_MAX_BODY_BYTES", "REDEEM_TIME_ZONE"}


def test_a_zone_that_only_this_computer_knows_is_refused():
    with pytest.raises(BadConfiguration, match="REDEEM_TIME_ZONE"):
        load_settings(secret_keys=(GOOD,), time_zone="localtime")


def test_secrets_run_from_the_oldest_to_the_newest(monkeypatch):
    first, second = GOOD.replace(" ", "-"), OTHER.replace(" ", "-")
    monkeypatch.setenv("REDEEM_SECRET_KEYS", f"{first} {second}")
    assert load_settings().secrets == [first, second]


def test_settings_show_no_secret():
    assert GOOD not in repr(load_settings(secret_keys=(GOOD,)))


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_means_psycopg_3(scheme):
    url = load_settings(
        secret_keys=(GOOD,), database_url=f"{scheme}://shop@db/redeem?target_session_attrs=any"
    ).database_url
    assert url == "postgresql+psycopg://shop@db/redeem?target_session_attrs=any"


def test_sqlite_is_the_default():
    assert load_settings(secret_keys=(GOOD,)).database_url == "sqlite:///redeem.sqlite"


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("https://gifts.example/", "https://gifts.example"),
        (" https://gifts.example\n", "https://gifts.example"),
        ("HTTPS://Gifts.Example", "https://gifts.example"),
        ("https://подарок.рф", "https://xn--80ahtncck.xn--p1ai"),
        ("https://ПОДАРОК.рф/", "https://xn--80ahtncck.xn--p1ai"),
        ("https://xn--80ahtncck.xn--p1ai", "https://xn--80ahtncck.xn--p1ai"),
        ("https://gifts.example:443", "https://gifts.example"),
        ("http://gifts.example:80", "http://gifts.example"),
        ("https://gifts.example:8443", "https://gifts.example:8443"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://192.168.1.20:8000", "http://192.168.1.20:8000"),
    ],
)
def test_the_address_is_written_as_browsers_write_it(typed, address):
    assert load_settings(secret_keys=(GOOD,), base_url=typed).base_url == address
    assert load_settings(secret_keys=(GOOD,), base_url=address).base_url == address


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("gifts.example", "must start with http"),
        ("https://gifts.example/redeem", "must end after the host"),
        ("https://gifts.example?shop=1", "must end after the host"),
        ("https://gifts.example/#c", "must end after the host"),
        ("https://shop@gifts.example", "must end after the host"),
        ("https://gift_shop.example", "must name a host"),
        ("https://", "must name a host"),
        ("https://gifts..example", "must name a host"),
        ("https://gifts example", "must name a host"),
        ("https://-gifts.example", "must name a host"),
        (f"https://{'a.' * 127}example", "must name a host"),
        ("https://straße.example", "in ASCII"),
        ("https://gifts.example:0", "must have a port"),
        ("https://gifts.example:99999", "must have a port"),
        ("https://[::1", "bracket"),
    ],
)
def test_an_address_that_no_browser_would_write_is_refused(typed, fault):
    with pytest.raises(BadConfiguration, match=rf"REDEEM_BASE_URL: .*{fault}"):
        load_settings(secret_keys=(GOOD,), base_url=typed)


def test_a_file_that_is_named_must_be_there(monkeypatch):
    monkeypatch.setenv("REDEEM_ENV_FILE", "nowhere.env")
    with pytest.raises(BadConfiguration, match="nowhere"):
        load_settings(secret_keys=(GOOD,))


def test_a_file_gives_settings_and_the_environment_has_the_last_word(monkeypatch, tmp_path):
    path = tmp_path / "settings.env"
    path.write_text(
        f"REDEEM_SECRET_KEYS={GOOD.replace(' ', '-')}\nREDEEM_BASE_URL=https://a.example\nREDEEM_SHOP_NAME=Files\n"
    )
    monkeypatch.setenv("REDEEM_ENV_FILE", str(path))
    monkeypatch.setenv("REDEEM_BASE_URL", "https://b.example")
    settings = load_settings()
    assert (settings.shop_name, settings.base_url) == ("Files", "https://b.example")


def test_settings_do_not_change():
    settings = load_settings(secret_keys=(GOOD,))
    with pytest.raises(ValueError, match="frozen"):
        settings.shop_name = "Another"  # type: ignore[misc]


def test_flasks_own_guards_are_told(tmp_path):
    app = create_app(
        load_settings(
            secret_keys=(GOOD, OTHER), trusted_hosts=("gifts.example",), max_body_bytes=20_000, instance_path=tmp_path
        )
    )
    assert (app.config["SECRET_KEY"], app.config["SECRET_KEY_FALLBACKS"]) == (OTHER, [GOOD])
    assert (app.extensions["redeem"].settings.trusted_hosts, app.config["MAX_CONTENT_LENGTH"]) == (
        ("gifts.example",),
        20_000,
    )
    assert (app.config["SESSION_COOKIE_SECURE"], app.config["SESSION_COOKIE_SAMESITE"]) == (True, "Lax")
