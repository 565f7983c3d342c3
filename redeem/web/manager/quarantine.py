"""Entries in quarantine: the journals that have some, and what a shop manager decides about them."""

from dataclasses import dataclass

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from redeem.accounts.roles import Permission
from redeem.devices import directory
from redeem.domain.disclosure import Audience, Field, disclose
from redeem.domain.journal import Entry
from redeem.domain.short_codes import grouped
from redeem.domain.signing_keys import KeyRing
from redeem.lib.errors import NotFound
from redeem.lib.ids import coupon_id, is_id
from redeem.redemptions.identify import read_name
from redeem.sync.damaged_journals import list_damaged_at_risk
from redeem.sync.quarantine import (
    ENTRIES_PER_PAGE_MAX,
    Line,
    Place,
    admit,
    leave,
    list_entries,
    list_waiting,
    page_of_waiting,
)
from redeem.web.context import context, now_ms, read, write
from redeem.web.manager.access import office, person, see_other
from redeem.web.manager.reauthentication import confirmed
from redeem.web.manager.steps import work


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry as the page shows it. `coupon` is an id, `typed` what
    the reader may see of a typed short code, `of` the number of the entry that it refers to."""

    line: Line
    coupon: str | None
    typed: str | None
    of: int | None

    @property
    def entry(self) -> Entry:
        return self.line.entry


@office("/quarantine", Permission.READ)
def quarantine() -> ResponseReturnValue:
    scope, after = person().scope, read_place(request.args.get("after", ""))
    now = now_ms()
    found, (damaged, risks) = read(lambda db: (page_of_waiting(db, scope, after), list_damaged_at_risk(db, scope, now)))
    return render_template(
        "manager/quarantine.html", journals=found, damaged=damaged, risks=risks, paged=after is not None, now=now
    )


def read_place(text: str) -> Place | None:
    """The place of a journal as the page's link has it, None for anything else."""
    at, _dot, rest = text.partition(".")
    device_id, _dot, sender_id = rest.partition(".")
    is_place = at.isdecimal() and at.isascii() and len(at) < 16 and is_id("dev", device_id) and is_id("dev", sender_id)
    return (int(at), device_id, sender_id) if is_place else None


@office("/quarantine/<journal_id>", Permission.READ)
def journal(journal_id: str) -> ResponseReturnValue:
    """The quarantined entries of one device, including those that are decided."""
    who, ring, after = person(), context().ring(), request.args.get("after", "")
    scope = who.scope
    start = int(after) if after.isdecimal() and len(after) < 16 else 0
    lines = read(lambda db: list_entries(db, journal_id, start, scope))
    whose = read(lambda db: list_waiting(db, scope, journal_id))
    return render_template(
        "manager/journal.html",
        journal_id=journal_id,
        entries=[as_shown(line, ring, who.audience) for line in lines],
        waiting=sum(each.entries for each in whose),
        whose=whose[0] if whose else None,
        device=known_device(journal_id),
        is_full=len(lines) == ENTRIES_PER_PAGE_MAX,
        start=start,
    )


def known_device(journal_id: str) -> directory.DeviceLine | None:
    """The device, None if the restored ledger lacks it."""
    scope = person().scope
    try:
        return read(lambda db: directory.get_device(db, scope, journal_id))
    except NotFound:
        return None


def as_shown(line: Line, ring: KeyRing, audience: Audience) -> Shown:
    entry = line.entry
    token, code, of = (
        read_name(entry.text_member("coupon"), ring).token,
        disclose(audience, Field.SHORT_CODE, entry.text_member("typed")),
        entry.body.get("of"),
    )
    return Shown(
        line,
        coupon=coupon_id(token.serial) if token else entry.text_member("id"),
        typed=grouped(code) if code else None,
        of=of if isinstance(of, int) else None,
    )


@office("/quarantine/<journal_id>/admit", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def admit_entries(journal_id: str) -> ResponseReturnValue:
    """Admits all that wait, or those up to the entry that the form names. If one request is not enough, its page sends the next.

    Nothing but that page knows that there is more to do. If it is closed, the first entries are admitted and the rest wait as before.
    """
    who, ring, proofs, up_to = person(), context().ring(), context().proofs, request.form.get("entry")
    steps = work(
        lambda db: admit(db, journal_id, who.id, ring, proofs, now_ms(), who.scope, up_to),
        lambda done: done.waiting > 0,
    )
    admitted, waiting = admitted_before() + sum(done.entries for done in steps), steps[-1].waiting
    if waiting:
        return render_template(
            "manager/journal_admitting.html",
            journal_id=journal_id,
            device=known_device(journal_id),
            up_to=up_to,
            admitted=admitted,
            total=admitted + waiting,
        )
    flash(ngettext("%(num)s entry was admitted.", "%(num)s entries were admitted.", admitted))
    return see_other("manager.journal", journal_id=journal_id)


def admitted_before() -> int:
    """Returns how many entries the earlier requests admitted, as their page says."""
    said = request.form.get("admitted", "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else 0


@office("/quarantine/<journal_id>/leave", Permission.RUN_SHOP, methods=("POST",))
@confirmed
def leave_entries(journal_id: str) -> ResponseReturnValue:
    who, now, only = person(), now_ms(), request.form.get("entry")
    left = write(lambda db: leave(db, journal_id, who.id, now, who.scope, only))
    flash(ngettext("%(num)s entry was left as it is.", "%(num)s entries were left as they are.", left))
    return see_other("manager.journal", journal_id=journal_id)
