"""Fixtures of the tests of pages and calls.

`office("shop_manager")` is a manager who has signed in; each is made once a test. `enter("auditor")` makes one more quickly. `shop`,
`reader`, `north`, `north_two`, `annex` and `south` are the cast's programs; `coupon` is good anywhere, `issue(campaign)` makes others.
"""

from collections.abc import Callable
from functools import cache

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from redeem.accounts import roles, sessions
from redeem.db.engine import Database
from redeem.web.context import now_ms
from tests import factories
from tests.cast import Cast
from tests.factories import Issued
from tests.web.office import Office, opened
from tests.web.programs import Program


@pytest.fixture
def office(app: Flask, cast: Cast) -> Callable[[str], Office]:
    @cache
    def enter(role: str) -> Office:
        return opened(app, cast.managers, role)

    return enter


@pytest.fixture
def enter(app: Flask, cast: Cast, database: Database) -> Callable[[str], Office]:
    """A manager's browser with a session that was made without the sign-in page, whose argon2 takes long."""

    def entered(role: str) -> Office:
        def work(session: Session) -> str:
            manager = roles.find_manager(session, cast.managers[role])
            assert manager
            return sessions.open_session(session, manager.id, "a browser", now_ms())

        office = Office(app, role)
        office.client.set_cookie("redeem_session", database.write(work))
        return office

    return entered


@pytest.fixture
def shop(client: FlaskClient, cast: Cast) -> Program:
    return Program(client, cast.shop_key)


@pytest.fixture
def reader(client: FlaskClient, cast: Cast) -> Program:
    return Program(client, cast.reader_key)


@pytest.fixture
def north(client: FlaskClient, cast: Cast) -> Program:
    """A till of the north store."""
    return Program(client, cast.north_till)


@pytest.fixture
def north_two(client: FlaskClient, cast: Cast) -> Program:
    """The other till of the north store."""
    return Program(client, cast.north_till_two)


@pytest.fixture
def annex(client: FlaskClient, cast: Cast) -> Program:
    """A till of the north's other store."""
    return Program(client, cast.annex_till)


@pytest.fixture
def south(client: FlaskClient, cast: Cast) -> Program:
    """A till of another partner."""
    return Program(client, cast.south_till)


@pytest.fixture
def issue(database: Database) -> Callable[[int], Issued]:
    """Issues a coupon of a campaign, past the API."""
    return lambda campaign: database.write(lambda session: factories.coupon(session, campaign))


@pytest.fixture
def coupon(issue: Callable[[int], Issued], cast: Cast) -> Issued:
    """A coupon that is good anywhere."""
    return issue(cast.anywhere)
