"""`flask --app wsgi demo`: makes the demo if it is not there, serves it, and prints what a visitor needs."""

import os
import time
from pathlib import Path

import click

from redeem.app import create_app
from redeem.config import load_settings, usual_file
from redeem.demo import startup
from redeem.demo.startup import BASE_URL, Started
from redeem.ops import server
from redeem.ops.commands.plain_errors import plain_errors
from redeem.web.context import Context
from redeem.web.urls import coupon_link


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; 0.0.0.0 for every network.")
@click.option("--port", default=8000, envvar="PORT", show_default=True, help="Also by the environment: PORT.")
@click.option("--fresh", is_flag=True, help="Forget the demo that is there and begin anew.")
@plain_errors
def demo(host: str, port: int, fresh: bool) -> None:
    """Set up the demo in instance/ and serve it. A second start keeps what is there."""
    if host in server.EVERYWHERE and not os.environ.get(BASE_URL):
        raise click.UsageError(f"With --host {host} set {BASE_URL}, the address that others are to open.")
    server.refuse_taken_port(host, port)
    env_file = usual_file()
    startup.settle_settings(env_file, host, port)
    app = create_app(load_settings(env_file))
    tools: Context = app.extensions["redeem"]
    chosen = server.plan(tools.settings, host, port)
    started = startup.start(app, tools, time.time_ns() // 1_000_000, fresh=fresh)
    tools.database.close()
    tell(tools, started)
    base_url = tools.settings.base_url
    server.serve(chosen, base_url, lambda: click.echo(f"ready {chosen.url(base_url)}"))


def tell(tools: Context, started: Started) -> None:
    """Prints the addresses and the keys to use there. `ready` is printed later, when the server answers."""
    notes, base_url = started.notes, tools.settings.base_url
    lines = [
        ("Office", f"{base_url}/manager/"),
        ("", f"{notes['manager']['email']}  {notes['manager']['password']}"),
        ("Tablet", notes["enrolment_url"]),
        ("", f"works once, for 24 hours; then {notes['clerk']['name']}, PIN {notes['clerk']['pin']}"),
        ("Customer", coupon_link(tools, notes["coupons"]["valid"][0])),
        ("API", f"{base_url}/v1/docs"),
        ("", f"shop key {notes['shop_key']}"),
        ("", f"till key {notes['till_key']}"),
        ("Test sheet", nearby(started.sheet_file)),
        ("All of this", nearby(started.notes_file)),
    ]
    click.echo(f"{tools.settings.shop_name}, a demo: {'made just now' if started.seeded else 'as it was left'}\n")
    for name, words in lines:
        click.echo(f"  {name:<12} {words}")
    if started.aged:
        click.echo(f"\n  Too old to show what they should: {', '.join(started.aged)}. Begin anew with --fresh.")
    click.echo()


def nearby(file: Path) -> str:
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
