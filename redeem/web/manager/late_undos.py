"""Late undos: the gifts that devices undid after their campaign's limit."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from redeem.accounts.roles import Permission
from redeem.db.paging import Page
from redeem.devices import directory
from redeem.lib.ids import is_id
from redeem.redemptions.late_undos import list_late_undos
from redeem.web.context import read
from redeem.web.manager.access import office, person

UNDOS_PER_PAGE = 50


@office("/late-undos", Permission.READ)
def late_undos() -> ResponseReturnValue:
    """All late undos, or those of one device of the manager's scope."""
    scope, after, device_id = person().scope, request.args.get("after", ""), request.args.get("device")
    device = read(lambda db: directory.get_device(db, scope, device_id)) if device_id else None
    page = Page(limit=UNDOS_PER_PAGE, after=after if is_id("rdm", after) else None)
    found = read(lambda db: list_late_undos(db, page, scope, device_id))
    return render_template("manager/late_undos.html", undos=found, device=device, paged=page.after)
