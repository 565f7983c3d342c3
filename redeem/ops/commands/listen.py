"""`flask --app wsgi listen`: for a laptop, which no server can reach. Asks a server for events, and sends them to a program here.

The messages are signed as the server's own webhooks are, so that the program is tried as it will run.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import click
import urllib3
from flask.cli import with_appcontext

from redeem.lib.errors import Conflict, Unauthenticated
from redeem.ops.commands.plain_errors import plain_errors
from redeem.ops.webhook_sender import Sender
from redeem.web.context import context, now_ms
from redeem.webhooks.addresses import Reach, check_url
from redeem.webhooks.signatures import Secret, read_secret, sign_with

PAUSE_SECONDS = 1.0
PAGE_EVENTS = 100
OK, UNAUTHENTICATED, FORBIDDEN, GONE = 200, 401, 403, 410


class NoEvents(Conflict):
    """The server did not answer with events."""

    code = "no_events"


@click.command("listen")
@click.option("--forward-to", required=True, help="The address of the program, such as http://127.0.0.1:3000/hooks.")
@click.option(
    "--key",
    envvar="REDEEM_SHOP_KEY",
    required=True,
    help="A key of the shop with the scope read. Or set REDEEM_SHOP_KEY.",
)
@click.option("--server", help="The server's address. This deployment's own if it is not given.")
@click.option("--secret", help="The secret to sign with, whsec_…. A new one if it is not given.")
@click.option(
    "--all", "everything", is_flag=True, help="Begin with the oldest event, and not with what happens from now on."
)
@with_appcontext
@plain_errors
def listen(forward_to: str, key: str, server: str | None, secret: str | None, everything: bool) -> None:
    """Send what happens to a program on this computer, until you stop it with Ctrl-C."""
    text = secret or Secret.new().text
    listener = Listener(server or context().settings.base_url, key, check_url(forward_to, Reach.ANY), read_secret(text))
    click.echo(f"The secret of these messages: {text}")
    if not everything:
        listener.skip()
    click.echo(f"ready: events of {listener.server} go to {listener.forward_to}")
    while True:
        listener.step(click.echo)
        time.sleep(PAUSE_SECONDS)


@dataclass
class Listener:
    """Reads the events of `server` with a key, and posts them to `forward_to`. Each is sent once: what is not taken is said, and left."""

    server: str
    key: str
    forward_to: str
    hmac_key: bytes
    cursor: str | None = None
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(timeout=30, retries=False))

    def skip(self) -> None:
        """Passes over all that has happened by now."""
        while self._read()["has_more"]:
            pass

    def step(self, say: Callable[[str], None]) -> None:
        """Sends what has happened since, and says what came of each."""
        has_more = True
        with Sender(self.forward_to, Reach.ANY) as sender:
            while has_more:
                page = self._read()
                has_more = page["has_more"]
                for event in page["data"]:
                    say(self._send(sender, event))

    def _send(self, sender: Sender, event: dict[str, Any]) -> str:
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        attempt = sender.post(body, sign_with(self.hmac_key, event["id"], now_ms(), body))
        answered = attempt.outcome if attempt.status is None else attempt.status
        return f"{event['id']}  {event['type']:<24} {answered}  {attempt.ms} ms"

    def _read(self) -> Any:
        """The next page. After a restore of the server, begins anew. Raises Unauthenticated, NoEvents."""
        query = {"limit": PAGE_EVENTS} | ({"after": self.cursor} if self.cursor else {})
        try:
            answer = self.http.request(
                "GET", f"{self.server}/v1/events?{urlencode(query)}", headers={"Authorization": f"Bearer {self.key}"}
            )
        except urllib3.exceptions.HTTPError as error:
            raise NoEvents(f"The server at {self.server} does not answer.") from error
        if answer.status == GONE and self.cursor:
            self.cursor = None
            return self._read()
        if answer.status in (UNAUTHENTICATED, FORBIDDEN):
            raise Unauthenticated("The key is not valid, or may not read. Give a key of the shop with the scope read.")
        if answer.status != OK:
            raise NoEvents(f"The server at {self.server} answered with {answer.status}.")
        page = json.loads(answer.data)
        self.cursor = page["next_after"]
        return page
