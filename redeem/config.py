"""Configuration: typed settings, read once at the start.

Each setting is an environment variable `REDEEM_<NAME>`, or a line of the file that `REDEEM_ENV_FILE` names. The environment wins.
No secret has a default. If any setting is wrong, the start fails and one message names every fault.
"""

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyNetwork, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from redeem.lib.errors import RedeemError
from redeem.lib.origins import read_origin
from redeem.lib.times import is_zone

MIN_SECRET_CHARACTERS = 32
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
ENV_FILE, USUAL_NAME = "REDEEM_ENV_FILE", "redeem.env"


class BadConfiguration(RedeemError):
    """The settings can't be used. `detail` has one line for each fault."""

    code = "bad_configuration"


class Settings(BaseSettings):
    """The settings of one deployment.

    `secret_keys` are ordered from oldest to newest: the newest signs and seals, each one verifies and opens.
    """

    model_config = SettingsConfigDict(env_prefix="REDEEM_", extra="ignore", frozen=True)

    secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(min_length=1)
    database_url: str = "sqlite:///redeem.sqlite"  # a relative path is relative to instance_path
    base_url: str = "http://127.0.0.1:8000"
    instance_path: Path = Path("instance")
    tls_certificate: Path | None = (
        None  # set it, with its key, and the server itself serves TLS; relative to instance_path
    )
    tls_key: Path | None = Field(default=None, validate_default=True)
    trusted_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    trusted_proxies: Annotated[tuple[IPvAnyNetwork, ...], NoDecode] = ()  # whose X-Forwarded-For is believed
    secure_cookies: bool = True
    shop_name: str = Field(default="Our shop", min_length=1, max_length=120)
    time_zone: str = "UTC"  # the shop's calendar: issue windows and days of validity are counted in it
    max_body_bytes: int = Field(default=1_000_000, ge=10_000, le=50_000_000)
    enrolment_minutes: int = Field(default=10, ge=1, le=60 * 24)
    session_idle_minutes: int = Field(default=60, ge=1, le=60 * 24)
    session_hours: int = Field(default=12, ge=1, le=24 * 30)
    worker: bool = True  # whether a server does the jobs itself, beside the requests; see `flask worker`
    event_days: int = Field(default=90, ge=1, le=3650)  # how long events are kept
    webhooks_anywhere: bool = False  # also to private addresses and over http: for a laptop or a closed network
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("secret_keys", mode="before")
    @classmethod
    def split_secrets(cls, value: object) -> object:
        return tuple(value.split()) if isinstance(value, str) else value

    @field_validator("trusted_hosts", "trusted_proxies", mode="before")
    @classmethod
    def split_names(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("secret_keys")
    @classmethod
    def refuse_short_secrets(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(secret.get_secret_value()) < MIN_SECRET_CHARACTERS for secret in secrets):
            raise ValueError(f"each secret key needs at least {MIN_SECRET_CHARACTERS} characters")
        return secrets

    @field_validator("time_zone")
    @classmethod
    def refuse_unknown_zone(cls, name: str) -> str:
        if not is_zone(name):
            raise ValueError("must be an IANA time zone, such as Europe/Moscow")
        return name

    @field_validator("tls_key")
    @classmethod
    def refuse_half_of_a_pair(cls, key: Path | None, others: ValidationInfo) -> Path | None:
        if (key is None) != (others.data.get("tls_certificate") is None):
            raise ValueError("belongs to REDEEM_TLS_CERTIFICATE: set both, or neither")
        return key

    @field_validator("base_url")
    @classmethod
    def write_as_browsers_do(cls, url: str) -> str:
        return read_origin(url)

    @field_validator("database_url")
    @classmethod
    def name_the_driver(cls, url: str) -> str:
        """Choose psycopg 3 for `postgresql://`, for which SQLAlchemy would choose psycopg 2."""
        scheme, separator, rest = url.partition("://")
        return f"postgresql+psycopg{separator}{rest}" if scheme in ("postgresql", "postgres") else url

    @property
    def hosts(self) -> frozenset[str]:
        """The host names that are answered to, as a request has them: the address's own, this computer's, and those that were added.

        One that begins with a dot stands for itself and for all names below it.
        """
        return frozenset(map(plain_host, (urlsplit(self.base_url).netloc, *self.trusted_hosts, *LOCAL_HOSTS)))

    @property
    def secrets(self) -> list[str]:
        return [secret.get_secret_value() for secret in self.secret_keys]


def load_settings(usual_file: Path | None = None, **overrides: object) -> Settings:
    """Return the settings of this process. Raises BadConfiguration, which names every fault.

    `usual_file` is read if `REDEEM_ENV_FILE` names no other file. It need not exist.
    """
    try:
        return Settings(_env_file=named_file() or usual_file, **overrides)  # type: ignore[arg-type]
    except ValidationError as faults:
        raise BadConfiguration("\n".join(_fault(f["loc"], f["msg"]) for f in faults.errors())) from None


def usual_file() -> Path:
    """Return the path where the demo writes its settings and the flask command looks for them: in the instance folder."""
    return Path(os.environ.get("REDEEM_INSTANCE_PATH", "instance")) / USUAL_NAME


def named_file() -> Path | None:
    """Return the file that REDEEM_ENV_FILE names, or None if it is not set. Raises BadConfiguration if there is no such file."""
    name = os.environ.get(ENV_FILE)
    if name and not Path(name).is_file():
        raise BadConfiguration(f"{ENV_FILE}: there is no file {name}")
    return Path(name) if name else None


def plain_host(text: str) -> str:
    """Return a host's name or address without its port and brackets, in lower case, and in ASCII."""
    bare = text.lower()
    if bare.startswith("["):
        return bare[1:].partition("]")[0]
    if bare.count(":") > 1:
        return bare
    return ".".join(label.encode("idna").decode() for label in bare.partition(":")[0].split("."))


def _fault(where: tuple[int | str, ...], what: str) -> str:
    return f"REDEEM_{str(where[0]).upper() if where else ''}: {what}"
