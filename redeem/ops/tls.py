"""The certificate and its key, where the server speaks TLS itself: whether they are there, fit, and for how long."""

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from redeem.config import Settings
from redeem.lib.errors import Invalid
from redeem.lib.times import Ms


class BadCertificate(Invalid):
    """No browser would be content with these files."""

    code = "bad_certificate"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two files in PEM: the certificate, with what leads to its authority after it, and its private key."""

    certificate: Path
    key: Path


def pair_of(settings: Settings) -> Pair | None:
    """None where TLS is somebody else's, or there is none."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    folder = settings.instance_path.resolve()
    return Pair(folder / settings.tls_certificate, folder / settings.tls_key)


def server_context(pair: Pair) -> ssl.SSLContext:
    """Raises BadCertificate where a file is missing, can't be read, or doesn't belong to the other."""
    for file in (pair.certificate, pair.key):
        refuse_unreadable(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(pair.certificate, pair.key, password="")  # or it would ask at the terminal
    except ssl.SSLError as error:
        why = f"{pair.certificate} and {pair.key} are no certificate and its own key, in PEM and without a password"
        raise BadCertificate(f"{why}. Make them anew: {error.reason}.") from error
    return context


def refuse_unreadable(file: Path) -> None:
    try:
        file.read_bytes()
    except OSError as error:
        raise BadCertificate(f"{file}: {error.strerror}. Make it, or say where it is.") from error


def ends_at(pair: Pair, host: str) -> Ms:
    """When the certificate ends, by shaking hands with itself as `host`. Raises BadCertificate if it isn't good now, or for that host."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = server_context(pair)
    trusting.load_verify_locations(pair.certificate)
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # whom it comes from is the tablets' question
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(back, there, server_hostname=host)
    server = context.wrap_bio(there, back, server_side=True)
    try:
        for side in (client, server, client):
            with suppress(ssl.SSLWantReadError):  # it is the other's turn
                side.do_handshake()
    except ssl.SSLCertVerificationError as error:
        raise BadCertificate(f"{pair.certificate}: {error.verify_message.rstrip('.')}.") from error
    told = client.getpeercert() or {}
    return int(ssl.cert_time_to_seconds(str(told["notAfter"])) * 1000)


def blind_context() -> ssl.SSLContext:
    """For asking whoever answers; see `is_ours` for whether it was we."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def is_ours(pair: Pair, line: socket.socket) -> bool:
    """Whether who is at the other end shows the file's own certificate, even if it has expired."""
    first, end, _ = pair.certificate.read_text().partition(ssl.PEM_FOOTER)
    seen = line.getpeercert(binary_form=True) if isinstance(line, ssl.SSLSocket) else None
    return seen == ssl.PEM_cert_to_DER_cert(first[first.index(ssl.PEM_HEADER) :] + end)
