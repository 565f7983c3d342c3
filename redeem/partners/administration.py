"""What managers change about partners and stores."""

from sqlalchemy.orm import Session

from redeem.accounts import audit
from redeem.accounts.audit import Change
from redeem.accounts.roles import Person, Scope
from redeem.db.models.partners import Partner, Store
from redeem.lib.text import clean_name
from redeem.lib.times import Ms
from redeem.partners import directory, partners
from redeem.partners.partners import NewStore

LONG_NAME_CHARACTERS = 120


ADDRESS_CHARACTERS = 300


def change_store(session: Session, person: Person, store_id: str, new: NewStore, now: Ms) -> None:
    """Its partner stays. Raises NotFound, Invalid."""
    line = directory.get_store(session, person.scope, store_id)
    partners.check_zone(new.time_zone)
    row = session.get_one(Store, line.id)
    row.name = clean_name(new.name, LONG_NAME_CHARACTERS)
    row.address, row.hours = clean_line(new.address), clean_line(new.hours, LONG_NAME_CHARACTERS)
    row.time_zone = new.time_zone
    told = ("name", "address", "hours", "time_zone")
    before, after = ({name: getattr(each, name) for name in told} for each in (line, row))
    changed = audit.changes(before, after)
    session.flush()
    if changed:
        audit.note(
            session,
            person.id,
            Change.STORE_CHANGED,
            line.id,
            now,
            scope=Scope(store_id=line.id),
            name=line.name,
            changed=changed,
        )


def rename_partner(session: Session, person: Person, partner_id: str, name: str, now: Ms) -> None:
    """Raises NotFound for a partner outside the scope, Invalid for the name."""
    line = directory.get_partner(session, person.scope, partner_id)
    cleaned = clean_name(name, LONG_NAME_CHARACTERS)
    if cleaned != line.name:
        session.get_one(Partner, line.id).name = cleaned
        session.flush()
        what = {"name": line.name, "changed": {"name": [line.name, cleaned]}}
        audit.note(session, person.id, Change.PARTNER_RENAMED, line.id, now, scope=Scope(line.id), **what)


def clean_line(text: str, limit_characters: int = ADDRESS_CHARACTERS) -> str:
    """One line that may be empty; raises Invalid."""
    return clean_name(text, limit_characters) if text.split() else ""
