"""Fixtures of the tests that kill: `dying`, a program that dies where it is told to, on the test's database."""

import pytest

from tests.crash.dying import Dying, Program


@pytest.fixture(scope="session")
def dying_program():
    made = Program()
    yield made
    made.close()


@pytest.fixture
def dying(dying_program, stage):
    return Dying(dying_program, stage.url.replace("postgresql://", "postgresql+psycopg://"))
