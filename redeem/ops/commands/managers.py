"""`flask --app wsgi managers …`: adds a manager, such as a deployment's first, and sets a new password."""

import click
from flask.cli import with_appcontext

from redeem.accounts import roles, sessions
from redeem.accounts.roles import Role
from redeem.ops.commands.plain_errors import plain_errors
from redeem.web.context import now_ms, write

ROLES = click.Choice([role.value for role in Role])


@click.group()
def managers() -> None:
    """Managers, who use the office: add one, or set a new password."""


@managers.command("add")
@click.argument("email")
@click.option("--name", prompt="Name", help="The name that colleagues see.")
@click.option("--role", type=ROLES, default=Role.SHOP_MANAGER.value, show_default=True)
@click.option("--partner", help="prt_…: the partner that a partner manager runs, or that an auditor reads.")
@click.option("--store", help="sto_…: the store that a store manager runs, or that an auditor reads.")
@click.password_option(help="Leave it out to be asked: the shell keeps commands in its history.")
@with_appcontext
@plain_errors
def add_manager(email: str, name: str, role: str, partner: str | None, store: str | None, password: str) -> None:
    """Let EMAIL sign in to the office."""
    hashed, now = roles.new_password(password, (email, name)), now_ms()
    added = write(
        lambda session: roles.add_manager(
            session, email, name, Role(role), hashed, now, partner_id=partner, store_id=store
        )
    )
    click.echo(f"{added.email} can sign in at /manager/ as {added.role}.")


@managers.command("password")
@click.argument("email")
@click.password_option()
@with_appcontext
@plain_errors
def set_password(email: str, password: str) -> None:
    """Give EMAIL a new password, and sign them out everywhere."""
    hashed, now = roles.new_password(password, (email,)), now_ms()
    write(lambda session: sessions.change_password(session, email, hashed, now))
    click.echo(f"{email} has a new password and is signed out everywhere.")
