"""Certificates for tests, as scripts/lan-certificate and the openssl command make them."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from redeem.lib.files import ROOT
from tests.commands import bare, finished

SCRIPT = str(ROOT / "scripts" / "lan-certificate")


@dataclass(frozen=True)
class Files:
    """Two files in PEM, and the settings that name them."""

    certificate: Path
    key: Path

    @property
    def settings(self) -> dict[str, Path]:
        return {"tls_certificate": self.certificate, "tls_key": self.key}


def lan_certificate(instance: Path, *names: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return finished([SCRIPT, *names], bare(instance, **environment))


def of_its_own(folder: Path, name: str, days: int) -> Files:
    """Makes a certificate that is signed by itself. With negative `days` it expired so many days ago."""
    return signed(folder, name, days, None)


def stolen(authority: Files, folder: Path, name: str) -> Files:
    """Makes the certificate that a thief of the authority's key would make for a site of this name."""
    return signed(folder, name, 90, authority)


def signed(folder: Path, name: str, days: int, authority: Files | None) -> Files:
    made = Files(folder / f"{name}.crt", folder / f"{name}.key")
    openssl(
        *["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x", "-out"],
        folder / "request",
        "-keyout",
        made.key,
    )
    (folder / "names").write_text(f"subjectAltName=DNS:{name}\n")
    by = ("-CA", authority.certificate, "-CAkey", authority.key) if authority else ("-signkey", made.key)
    signing = ("x509", "-req", "-in", folder / "request", *by, "-extfile", folder / "names")
    openssl(*signing, "-days", str(days), "-out", made.certificate)
    made.key.chmod(0o600)
    return made


def openssl(*words: str | Path) -> str:
    return subprocess.run(["openssl", *words], capture_output=True, text=True, check=True, timeout=30).stdout
