"""The server's own certificate and key, if it uses TLS without a proxy: loads them and checks that they are valid."""

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from redeem.config import Settings
from redeem.lib.errors import Invalid
from redeem.lib.times import Ms


class BadCertificate(Invalid):
    """The files are not a valid certificate and its key."""

    code = "bad_certificate"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two files in PEM: the certificate, followed by the intermediate ones, and its private key."""

    certificate: Path
    key: Path


def pair_of(settings: Settings) -> Pair | None:
    """The files that the settings name. None if the server does not use TLS itself."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    folder = settings.instance_path.resolve()
    return Pair(folder / settings.tls_certificate, folder / settings.tls_key)


def server_context(pair: Pair) -> ssl.SSLContext:
    """A TLS context with the files. Raises BadCertificate if one is missing, can't be read, or does not fit the other."""
    for file in (pair.certificate, pair.key):
        refuse_unreadable(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(pair.certificate, pair.key, password="")  # without it, OpenSSL asks at the terminal
    except ssl.SSLError as error:
        why = f"{pair.certificate} and {pair.key} are not a certificate and its key, in PEM and without a password"
        raise BadCertificate(f"{why}: {error.reason}. Make both again.") from error
    return context


def refuse_unreadable(file: Path) -> None:
    try:
        file.read_bytes()
    except OSError as error:
        raise BadCertificate(f"{file}: {error.strerror}. Make it, or correct the path in the settings.") from error


def ends_at(pair: Pair, host: str) -> Ms:
    """Return when the certificate expires, after a TLS handshake in memory.

    Raises BadCertificate if it is not valid now, or not for `host`.
    """
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = server_context(pair)
    trusting.load_verify_locations(pair.certificate)
    trusting.verify_flags |= (
        ssl.VERIFY_X509_PARTIAL_CHAIN
    )  # who issued it is not checked: the tablets decide whom they trust
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(back, there, server_hostname=host)
    server = context.wrap_bio(there, back, server_side=True)
    try:
        for side in (client, server, client):
            with suppress(ssl.SSLWantReadError):  # waits for the other side
                side.do_handshake()
    except ssl.SSLCertVerificationError as error:
        raise BadCertificate(f"{pair.certificate}: {error.verify_message.rstrip('.')}.") from error
    certificate = client.getpeercert() or {}
    return int(ssl.cert_time_to_seconds(str(certificate["notAfter"])) * 1000)


def unverified_context() -> ssl.SSLContext:
    """A client's context that verifies no certificate. `is_ours` compares the certificate afterwards."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def is_ours(pair: Pair, line: socket.socket) -> bool:
    """Whether the other end of the connection has shown the certificate of the file, even an expired one."""
    first, end, _ = pair.certificate.read_text().partition(ssl.PEM_FOOTER)
    seen = line.getpeercert(binary_form=True) if isinstance(line, ssl.SSLSocket) else None
    return seen == ssl.PEM_cert_to_DER_cert(first[first.index(ssl.PEM_HEADER) :] + end)
