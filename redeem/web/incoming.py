"""What every request must be, whatever it asks for: sent to one of our host names, of a measured length, and without the character NUL.

It is checked here, before any view: PostgreSQL takes no text with a NUL, and no view should have to think of it.
"""

import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import IO
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Request, Response, request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.routing import RequestRedirect
from werkzeug.utils import cached_property

from redeem.config import Settings
from redeem.lib.errors import Invalid, NotFound
from redeem.web.cookies import COOKIELESS
from redeem.web.parsing import FAULTS_TOLD_MAX, NUL, short_steps
from redeem.web.problems import problem, wants_page

HOST = re.compile(r"(?:([A-Za-z0-9_.-]{1,253})|\[([0-9A-Fa-f:.]{2,45})\])(?::[0-9]{1,5})?", re.ASCII)
MAY_LACK_HOST = ("HTTP/1.0", "HTTP/1")  # granian writes the former as the latter
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class Measured(Request):
    """A request whose body is refused if it is too long, also if it comes in chunks and does not say how long it is.

    Werkzeug would read such a body up to the limit, and leave the rest out as if that were all.
    """

    @cached_property
    def stream(self) -> IO[bytes]:
        if "Transfer-Encoding" not in self.headers or self.max_content_length is None:
            stream: IO[bytes] = super().stream
            return stream
        body = b"".join(read_up_to(self.environ["wsgi.input"], self.max_content_length + 1))
        if len(body) > self.max_content_length:
            raise RequestEntityTooLarge
        return BytesIO(body)


def read_up_to(stream: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (chunk := stream.read(size)):
        size -= len(chunk)
        yield chunk


def attach(app: Flask, settings: Settings) -> None:
    app.request_class = Measured
    hosts = settings.hosts
    app.before_request(lambda: refuse_foreign_host(hosts))
    app.before_request(refuse_nul)
    app.before_request(lead_to_own_path)


def refuse_foreign_host(hosts: frozenset[str]) -> Response | None:
    """Answers 400 unless the request names one of our hosts, once. Never with a page, for a page has links."""
    host, protocol = request.environ.get("HTTP_HOST", ""), request.environ.get("SERVER_PROTOCOL")
    if not host and protocol in MAY_LACK_HOST:
        return None
    named = HOST.fullmatch(host)  # two headers come as one, with a comma
    if named is None:
        return problem("bad_request", "Send one Host header, with the name of this server.", {})
    if not is_among(hosts, named[1] or named[2]):
        return problem("bad_request", "Open this server by its own name, or add the name to REDEEM_TRUSTED_HOSTS.", {})
    return None


def is_among(hosts: frozenset[str], name: str) -> bool:
    bare = name.lower().rstrip(".")
    return bare in hosts or any(own.startswith(".") and f".{bare}".endswith(own) for own in hosts)


def lead_to_own_path() -> Response | None:
    """Answers an address that lacks its last slash with a redirect to the path alone.

    Werkzeug's own would name the host and the scheme that the request came with, and behind a proxy the scheme is the wrong one.
    """
    if not isinstance(request.routing_exception, RequestRedirect):
        return None
    parts = urlsplit(request.routing_exception.new_url)
    path = urlunsplit(("", "", f"/{parts.path.lstrip('/')}", parts.query, ""))
    return Response(status=request.routing_exception.code, headers={"Location": path})


def refuse_nul() -> None:
    """Raises NotFound for a path with a NUL, and Invalid for parameters and fields with one, naming each."""
    if NUL in request.path:
        raise NotFound
    named = list(having_nul(request.args)) if request.query_string else []
    if request.mimetype in FORMS and not request.path.startswith(COOKIELESS):
        named += having_nul(request.form)
    if named:
        raise Invalid(sentence(named), errors=[{"parameter": name, "detail": "has a NUL"} for name in named])


def having_nul(values: MultiDict[str, str]) -> Iterable[str]:
    """The names of the values that have a NUL, or have one in the name itself, shortened as in other faults."""
    found = {name: None for name, value in values.items(multi=True) if NUL in name or NUL in value}
    return [".".join(short_steps([name.replace(NUL, "")])) for name in found][:FAULTS_TOLD_MAX]


def sentence(named: Iterable[str]) -> str:
    """What to do, for a page in its language. The office always answers with one."""
    if request.blueprint != "manager" and not wants_page():
        return "Take the character NUL (U+0000) out of what the errors name."
    return str(_("Take the character that can't be stored out of: %(names)s.", names=", ".join(named)))
