"""The page at `/`: links to the office and to the tablet's page."""

from flask import Blueprint, render_template

from redeem.web.context import context

blueprint = Blueprint("front", __name__)


@blueprint.get("/")
def front() -> str:
    return render_template("public/front.html", shop=context().settings.shop_name)
