"""The clerks of a store: added, given a PIN, removed. What a PIN opens is in pins.py."""

from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Author, Change
from redeem.accounts.roles import Scope
from redeem.db.models.devices import Clerk
from redeem.devices.directory import ClerkLine, get_clerk
from redeem.lib.errors import Conflict
from redeem.lib.ids import new_id
from redeem.lib.text import clean_name
from redeem.lib.times import Ms
from redeem.partners.directory import get_store


def add_clerk(session: Session, author: Author, store_id: str, name: str, pin_hash: str, now: Ms) -> Clerk:
    """Add a clerk. `pin_hash` is made before the transaction, for argon2 is slow by design.

    Raises NotFound for a store outside the author's scope, Invalid for the name.
    """
    store = get_store(session, author.scope, store_id)
    clerk = Clerk(
        id=new_id("clk", now),
        store_id=store.id,
        name=clean_name(name),
        pin_hash=pin_hash,
        created_at=now,
    )
    session.add(clerk)
    session.flush()
    told = {"name": clerk.name, "store": store.name}
    audit.note(session, author.id, Change.CLERK_ADDED, clerk.id, now, scope=Scope(store_id=store.id), **told)
    return clerk


def let_clerk_leave(session: Session, author: Author, clerk_id: str, now: Ms) -> str:
    """Remove a clerk: their PIN opens no tablet any more, their gifts stay under their name. Return the store's id."""
    line = get_clerk(session, author.scope, clerk_id)
    if line.left_at is None:
        clerk = session.get_one(Clerk, line.id)
        clerk.left_at = now
        note(session, author, Change.CLERK_LEFT, line, now)
    return line.store_id


def set_pin(session: Session, author: Author, clerk_id: str, pin_hash: str, now: Ms) -> str:
    """Set a new PIN. `pin_hash` is made before the transaction. Return the store's id. Raises NotFound, Conflict."""
    line = get_clerk(session, author.scope, clerk_id)
    if line.left_at is not None:
        raise Conflict("This clerk was removed. Add them again.")
    session.get_one(Clerk, line.id).pin_hash = pin_hash
    session.flush()
    note(session, author, Change.CLERK_PIN_CHANGED, line, now)
    return line.store_id


def note(session: Session, author: Author, what: Change, line: ClerkLine, now: Ms) -> None:
    scope = Scope(store_id=line.store_id)
    audit.note(session, author.id, what, line.id, now, scope=scope, name=line.name, store=line.store_name)
