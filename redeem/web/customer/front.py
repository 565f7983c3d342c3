"""The front door: nobody's own page, and the way to each."""

from flask import Blueprint, render_template

from redeem.web.context import context

blueprint = Blueprint("front", __name__)


@blueprint.get("/")
def door() -> str:
    return render_template("public/front.html", shop=context().settings.shop_name)
