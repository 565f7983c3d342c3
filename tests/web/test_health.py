"""Alive without the database, ready with it."""

from redeem.app import create_app


def test_it_is_alive_and_ready(client):
    assert client.get("/healthz").json == {"status": "alive"}
    assert client.get("/readyz").json == {"status": "ready"}


def test_without_tables_it_is_alive_and_not_ready(settings, tmp_path):
    app = create_app(settings.model_copy(update={"database_url": f"sqlite:///{tmp_path}/empty.sqlite"}))
    client = app.test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code >= 500
