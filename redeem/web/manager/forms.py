"""Reads forms: what was typed becomes a frozen value, or the form is shown again with what to correct."""

from collections.abc import Callable, Mapping
from typing import Annotated, TypeVar

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from redeem.lib.errors import Conflict, Invalid, RedeemError

Faults = Mapping[str, str]

WHOLE_FORM = ""


class Form(BaseModel):
    """A form's fields by name. Other fields of the request are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


F = TypeVar("F", bound=Form)
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
LineOrNone = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]


class BadForm(Exception):
    """The form is to be corrected. `faults` has a sentence for each field."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        super().__init__(str(dict(faults)))


def read_form(kind: type[F]) -> F:
    """The form that was sent. Raises BadForm."""
    fields = {name: values if len(values) > 1 else values[0] for name, values in request.form.lists()}
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise BadForm({str(each["loc"][0]): sentence(each["type"]) for each in error.errors()}) from error


def submitted(
    kind: type[F], act: Callable[[F], ResponseReturnValue], again: Callable[[Faults], str]
) -> ResponseReturnValue:
    """Answers with `act(form)`. If the form or the use case finds a fault, answers with `again(faults)` and status 422."""
    try:
        return act(read_form(kind))
    except BadForm as bad:
        return again(bad.faults), 422
    except (Invalid, Conflict) as error:
        return again(faults_of(error)), 422


def faults_of(error: RedeemError) -> Faults:
    pointed = {fault["pointer"].strip("/"): _(error.detail) for fault in error.extra.get("errors", [])}
    return pointed or {WHOLE_FORM: _(error.detail)}


def sentence(fault: str) -> str:
    if fault == "string_too_long":
        return str(_("Write less."))
    return str(_("Fill this in."))
