"""How commands report errors."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click

from redeem.lib.errors import RedeemError

P = ParamSpec("P")
T = TypeVar("T")


def plain_errors(run: Callable[P, T]) -> Callable[P, T]:
    """A command that prints a RedeemError as one sentence, without a stack trace, and exits with 1."""

    @wraps(run)
    def command(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return run(*args, **kwargs)
        except RedeemError as error:
            raise click.ClickException(error.detail) from error

    return command
