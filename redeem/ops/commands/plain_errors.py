"""How commands tell what went wrong."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click

from redeem.lib.errors import RedeemError

P = ParamSpec("P")
T = TypeVar("T")


def plain_errors(run: Callable[P, T]) -> Callable[P, T]:
    """An error on purpose is told in its own words, without a trace."""

    @wraps(run)
    def told(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return run(*args, **kwargs)
        except RedeemError as error:
            raise click.ClickException(error.detail) from error

    return told
