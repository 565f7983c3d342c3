"""The log of what managers changed."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from redeem import overseeing
from redeem.ids import is_id
from redeem.paging import Page
from redeem.staffing import Permission
from redeem.web.context import context, read
from redeem.web.manager.guard import office

CHANGES_PER_PAGE = 50


@office("/audit", Permission.READ_SHOP)
def audit() -> ResponseReturnValue:
    after = request.args.get("after", "")
    page = Page(limit=CHANGES_PER_PAGE, after=after if is_id("aud", after) else None)
    found = read(lambda db: overseeing.list_changes(db, page))
    return render_template("manager/audit.html", changes=found, zone=context().settings.time_zone, paged=page.after)
