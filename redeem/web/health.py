"""Health, for whoever watches: alive without the database, ready with it."""

from flask import Blueprint

from redeem.ledger import signing
from redeem.web.context import read

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> dict[str, str]:
    return {"status": "alive"}


@blueprint.get("/readyz")
def ready() -> dict[str, str]:
    """Answers when the database does, with its tables in place."""
    read(signing.load_ring)
    return {"status": "ready"}
