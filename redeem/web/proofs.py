"""How much of a request's body is kept, judged by its headers: whoever shows no key, signature or session can't have much kept.

Only the form of a proof is looked at here. Whether it is right is judged when the request is answered.
"""

from werkzeug.http import parse_cookie

from redeem.config import Settings
from redeem.lib.errors import Unauthenticated
from redeem.web.api.auth import read_key
from redeem.web.clerk.signatures import are_signed
from redeem.web.cookies import cookie_name
from redeem.web.headers import Read
from redeem.web.manager.access import COOKIE

STRANGERS_MAX_BYTES = 16_000  # the form of a sign-in or an invitation, the link of an enrolment
API, TABLETS, ENROL = "/v1/", "/clerk/", "/clerk/enrol"


def kept_bytes(settings: Settings, path: str, headers: Read) -> int:
    """How many bytes of the body of a request with this path and these headers are kept."""
    if path.startswith(API):
        return settings.max_body_bytes if has_key(headers) else 0
    if path.startswith(TABLETS) and path != ENROL:
        return settings.max_body_bytes if are_signed(headers) else 0
    return settings.max_body_bytes if has_session(settings, headers) else STRANGERS_MAX_BYTES


def has_key(headers: Read) -> bool:
    try:
        read_key(headers.get("authorization") or "")
    except Unauthenticated:
        return False
    return True


def has_session(settings: Settings, headers: Read) -> bool:
    return bool(parse_cookie(headers.get("cookie") or "").get(cookie_name(settings, COOKIE)))
