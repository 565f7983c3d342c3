"""Health checks: `/healthz` answers without the database, `/readyz` with it."""

from flask import Blueprint

from redeem.ledger import signing
from redeem.web.context import read

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> dict[str, str]:
    return {"status": "alive"}


@blueprint.get("/readyz")
def ready() -> dict[str, str]:
    """Answers 200 if the database answers and has its tables, else 503."""
    read(signing.load_ring)
    return {"status": "ready"}
