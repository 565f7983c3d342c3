"""The OpenAPI document: valid, complete, and true."""

import json
import re
from contextlib import suppress
from re import fullmatch
from typing import Any
from typing import cast as cast_to
from urllib.parse import unquote

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.core.control import SkipTest
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from redeem.lib.files import ROOT
from redeem.web.api.openapi import KEY, openapi_document
from redeem.web.problems import KINDS
from tests.web.programs import new_attempt


@pytest.fixture
def document(client):
    return client.get("/v1/openapi.json").json


def test_it_is_valid(document):
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_the_command_gives_the_same_document(app, document):
    assert json.loads(json.dumps(openapi_document(app))) == document


def test_every_address_of_the_api_is_in_it(app, document):
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/v1")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    told = {(path, method) for path, item in document["paths"].items() for method in item if path.startswith("/v1")}
    assert served == told
    assert len(told) > 20


def test_each_operation_says_who_may_call_and_what_can_go_wrong(document):
    for path, item in document["paths"].items():
        for operation in item.values():
            statuses = set(operation["responses"])
            assert operation["summary"], path
            assert not operation["security"] or {"401", "403"} <= statuses, path
            assert "requestBody" not in operation or {"400", "413", "415", "422"} <= statuses, path


def test_each_mutation_of_the_shop_takes_an_idempotency_key(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            names = [parameter["name"] for parameter in operation["parameters"]]
            is_mutation = method in ("post", "patch", "delete") and not path.endswith(("/cancel", "/verifications"))
            assert ("Idempotency-Key" in names) == is_mutation, (method, path)


def test_every_code_it_names_is_one_of_ours(document):
    answers = [operation["responses"] for item in document["paths"].values() for operation in item.values()]
    told = set(re.findall(r"`([a-z_]+)`: ", json.dumps(answers)))
    assert told <= set(KINDS)
    assert len(told) > 20


def test_the_interactive_pages_files_are_all_our_own(client):
    page = client.get("/v1/docs").text
    assert 'data-document="/v1/openapi.json"' in page
    for address in page.split('"'):
        if address.startswith("/static/"):
            assert (ROOT / address.lstrip("/")).exists()
    assert "https://" not in page


# What these refuse, no schema can say: a currency that differs, a store that is elsewhere, a check character that is wrong.
KNOW_MORE = (
    "create_campaign",
    "patch_campaign",
    "issue_coupon",
    "move_home",
    "add_store",
    "create_batch",
    "list_events",
    "say_coupon_again",
    "redeem_coupon",
    "say_again",
    "verify_coupon",
    "add_endpoint",
    "patch_endpoint",
    "resend_events",
    "rotate_secret",  # a whole number that is written as 85.0
    "list_attempts",  # both cursors at once
)


UNPACKED = {"Accept-Encoding": "identity"}  # it asks for gzip otherwise, and past the network it does not unpack
BRIEFLY = settings(
    max_examples=10, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
AT_LENGTH = settings(BRIEFLY, max_examples=500, derandomize=False)  # `make soak`: others each time


def put_to_the_test(operation: Any, mode: GenerationMode, headers: dict[str, str], effort: settings) -> None:
    excluded = [positive_data_acceptance] if operation.definition.raw["operationId"] in KNOW_MORE else []

    @effort
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        # Schemathesis decodes a path's value before it encodes it: of one with a per cent sign another name may come, or none.
        attempt = (case.path_parameters or {}).get("attempt")
        assume(mode == GenerationMode.NEGATIVE or not attempt or fullmatch(KEY["schema"]["pattern"], unquote(attempt)))
        fresh = {"Idempotency-Key": new_attempt()} if mode == GenerationMode.POSITIVE else {}
        wrong = [where for where, part in case.meta.components.items() if part.mode == GenerationMode.NEGATIVE]
        # Beside wrong headers, of which the key may be one, another part may be wrong by a parameter without a value, which nobody
        # sees: with our key it would be right, so it goes as it is.
        sent = {} if ParameterLocation.HEADER in wrong and len(wrong) > 1 else headers | fresh | UNPACKED
        case.call_and_validate(headers=sent, excluded_checks=excluded)

    with suppress(SkipTest):  # what takes nothing can't be sent anything wrong
        check()


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_it_keeps_its_word_whatever_is_sent(app, cast, coupon, mode):
    """Schemathesis makes requests of each schema, right and wrong: nothing may fail, and each answer is as documented."""
    try_all(app, cast, mode, BRIEFLY)


@pytest.mark.soak
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_it_keeps_its_word_for_long(app, cast, coupon, mode):
    try_all(app, cast, mode, AT_LENGTH)


def test_the_document_is_as_it_says_itself(app):
    """Its own operation, which is none of those that schemathesis finds in it."""
    operation = schemathesis.openapi.from_wsgi("/v1/openapi.json", app)["/v1/openapi.json"]["get"]
    operation.Case().call_and_validate(headers=UNPACKED)


def read_patterns(part: Any) -> None:
    """Takes the patterns that not every language can read, too: Python and Rust can."""
    if isinstance(part, dict):
        part |= {"pattern": part.pop("x-pattern")} if "x-pattern" in part else {}
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        read_patterns(each)


def try_all(app: Any, cast: Any, mode: GenerationMode, effort: settings) -> None:
    schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", app)
    read_patterns(schema.raw_schema)
    schema.config.generation.update(modes=[mode])
    keys = {"shop_key": cast.shop_key, "till_key": cast.north_till}
    for found in schema.get_all_operations():
        operation = cast_to(Any, found).ok()
        schemes = [name for one in operation.definition.raw["security"] for name in one]
        put_to_the_test(operation, mode, {"Authorization": f"Bearer {keys[schemes[0]]}"} if schemes else {}, effort)
