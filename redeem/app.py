"""Makes the Flask application from its parts."""

from flask import Flask

from redeem import cli
from redeem.config import Settings, load_settings
from redeem.db.engine import engine_options
from redeem.lib.files import ROOT
from redeem.web import context, cookies, headers, health, incoming, languages, logs, manager, peers, problems
from redeem.web.api import (
    auth,
    batches,
    coupons,
    docs,
    events,
    orders,
    partners,
    restores,
    shop,
    till,
    till_recovery,
    webhooks,
)
from redeem.web.clerk import routes as clerk
from redeem.web.customer import front
from redeem.web.customer import page as customer


def create_app(settings: Settings | None = None) -> Flask:
    """The application. It does not touch the database's tables: see `flask db upgrade`. Raises BadConfiguration."""
    settings = settings or load_settings()
    app = Flask(
        "redeem",
        root_path=str(ROOT / "redeem"),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
        instance_path=str(settings.instance_path.resolve()),
    )
    app.config.update(flask_settings(settings))
    context.attach(app, settings)
    languages.attach(app)
    logs.attach(app, settings)
    incoming.attach(app, settings)
    headers.attach(app, settings)
    peers.attach(app, settings)
    cookies.attach(app)
    problems.attach(app)
    app.register_blueprint(health.blueprint)
    auth.attach(app)
    app.register_blueprint(shop.blueprint)
    app.register_blueprint(partners.blueprint)
    app.register_blueprint(coupons.blueprint)
    orders.attach(app)
    app.register_blueprint(batches.blueprint)
    app.register_blueprint(events.blueprint)
    app.register_blueprint(webhooks.blueprint)
    app.register_blueprint(restores.blueprint)
    till.attach(app)
    app.register_blueprint(till_recovery.blueprint)
    docs.attach(app)
    app.register_blueprint(clerk.blueprint)
    manager.attach(app, settings)
    app.register_blueprint(customer.blueprint)
    app.register_blueprint(front.blueprint)
    cli.attach(app)
    return app


def flask_settings(settings: Settings) -> dict[str, object]:
    """Flask's configuration, made from our settings."""
    *older, newest = settings.secrets
    return {
        "SECRET_KEY": newest,
        "SECRET_KEY_FALLBACKS": older,
        "MAX_CONTENT_LENGTH": settings.max_body_bytes,
        "SESSION_COOKIE_SECURE": settings.secure_cookies,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(settings.database_url),
    }
