"""Verifies the HTTP message signatures (RFC 9421) of tablets.

There is one profile: label `device`, Ed25519, over "@method", "@path" and "content-digest" in that order, with the parameters
created, keyid and alg. `created` is not checked: a tablet's clock may be wrong, and every call is idempotent, so a replay does
no more than a retry.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error
from dataclasses import dataclass
from hashlib import sha256

from redeem.domain.signing_keys import verifies
from redeem.lib.errors import Unauthenticated
from redeem.web.headers import Read

_INPUT = re.compile(
    r'device=(?P<parameters>\("@method" "@path" "content-digest"\)'
    r';created=[0-9]{1,12};keyid="(?P<keyid>dev_[0-9A-Z]{26})";alg="ed25519")',
    re.ASCII,
)
_SIGNATURE = re.compile(r"device=:(?P<text>[A-Za-z0-9+/]{86}==):", re.ASCII)


class NotSigned(Unauthenticated):
    """The request is not signed by an enrolled tablet."""

    code = "not_signed"
    default_detail = "Open Redeem again. If this happens again, ask a manager for a new enrolment link."


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature and what it covers. `device_id` is a claim until `accepts` has verified the signature with that device's key."""

    device_id: str
    base: bytes
    signature: bytes

    def accepts(self, public_key: bytes) -> bool:
        return verifies(public_key, self.base, self.signature)


def are_signed(headers: Read) -> bool:
    """Whether the headers have a signature of the right form, of whatever body."""
    claimed, signature = headers.get("Signature-Input") or "", headers.get("Signature") or ""
    return bool(_INPUT.fullmatch(claimed) and _SIGNATURE.fullmatch(signature))


def read_signature(method: str, path: str, headers: Read, body: bytes) -> Signed:
    """The signature in the headers. Raises NotSigned if it is missing, of another form, or of another body."""
    claimed = _INPUT.fullmatch(headers.get("Signature-Input") or "")
    signature = _SIGNATURE.fullmatch(headers.get("Signature") or "")
    digest = f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"
    if not claimed or not signature or headers.get("Content-Digest") != digest:
        raise NotSigned
    base = (
        f'"@method": {method}\n"@path": {path}\n"content-digest": {digest}\n'
        f'"@signature-params": {claimed["parameters"]}'
    )
    return Signed(claimed["keyid"], base.encode(), _decoded(signature["text"]))


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except Error as error:
        raise NotSigned from error
