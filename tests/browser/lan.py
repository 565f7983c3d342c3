"""A server on the machine's own network, made and served as docs/running.md says, and browsers that trust its authority or don't."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redeem.app import create_app
from redeem.config import load_settings
from tests.browser.live import Backstage
from tests.cast import Cast, assemble
from tests.certificates import Files, lan_certificate
from tests.commands import command, finished, started, until_ready
from tests.factories import MOSCOW, SECRET
from tests.ports import kept_port

NAME, OTHER = "tills.example", "bank.example"
# These names lead to this machine, and nothing else is in between.
SWITCHES = ("--no-proxy-server", f"--host-resolver-rules=MAP {NAME} 127.0.0.1, MAP {OTHER} 127.0.0.1")


class LanServer(Backstage):
    """Made once: the authority, the certificate, a database with the cast in it. `serving` serves it, as often as it is wanted."""

    def __init__(self, folder: Path) -> None:
        """Raises where a step says that it failed. Of a machine that is in no network it is the name that tablets open."""
        self.folder, self.port, self.address = folder, kept_port(), network_address() or NAME
        words = done(lan_certificate(folder, *dict.fromkeys((self.address, NAME)), PORT=str(self.port)))
        exported = dict(re.findall(r"\b(REDEEM_[A-Z_]+)=(\S+)", words))
        self.settings = exported | {
            "REDEEM_SECRET_KEYS": SECRET,
            "REDEEM_TIME_ZONE": MOSCOW,
            "REDEEM_LOG_LEVEL": "ERROR",
        }
        self.url = exported["REDEEM_BASE_URL"]
        done(command(folder, "db", "upgrade", **self.settings))
        self.tools = create_app(
            load_settings(
                secret_keys=SECRET, base_url=self.url, instance_path=folder, secure_cookies=True, time_zone=MOSCOW
            )
        ).extensions["redeem"]
        self.database = self.tools.database
        self.cast: Cast = self.database.write(assemble)
        done(command(folder, "doctor", **self.settings))

    @property
    def authority(self) -> Files:
        return Files(self.folder / "tls" / "authority.crt", self.folder / "tls" / "authority.key")

    @contextmanager
    def serving(self, secure: bool = True) -> Iterator[None]:
        """Until the end of the block, on every network of the machine; without the script's settings it speaks plain http."""
        words = ("serve", "--host", "0.0.0.0", "--port", str(self.port))
        settings = {name: said for name, said in self.settings.items() if secure or not name.startswith("REDEEM_TLS_")}
        with started(self.folder, *words, **settings) as (_, lines):
            assert until_ready(lines) == [f"ready {settings['REDEEM_BASE_URL']}"]
            yield

    def close(self) -> None:
        self.database.close()
        self.database.engine.dispose()


def network_address() -> str | None:
    """The machine's first IPv4 address that other machines could reach it by."""
    told = finished(["hostname", "-I"], {}).stdout.split()
    return next(
        (one for one in told if re.fullmatch(r"[0-9.]+", one) and not one.startswith(("127.", "169.254."))), None
    )


def done(process: "subprocess.CompletedProcess[str]") -> str:
    """Returns what a command said, after checking that it succeeded."""
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def trusting(home: Path, authority: Path) -> Path:
    """Returns a home folder in which Chromium finds this authority as trusted for web sites."""
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    for words in (["-N", "--empty-password"], ["-A", "-n", "the shop", "-t", "C,,", "-i", str(authority)]):
        done(finished(["certutil", "-d", f"sql:{store}", *words], {"HOME": str(home)}))
    return home
