"""The OpenAPI document has only what generators of clients read alike. The clients themselves are run in tests/generated_clients/."""

from collections.abc import Iterator
from typing import Any

import pytest

from redeem.domain import short_codes
from redeem.web.problems import KINDS

INT32_MAX = 2**31 - 1


@pytest.fixture
def document(client):
    return client.get("/v1/openapi.json").json


def parts(part: Any) -> Iterator[dict[str, Any]]:
    """Every object in the document."""
    if isinstance(part, dict):
        yield part
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from parts(each)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


def test_no_member_has_a_default(document):
    """Clients send defaults: with an empty short code beside each token, every scan would be refused."""
    schemas = document["components"]["schemas"]
    assert [part for part in parts(schemas) if "default" in part] == []
    assert schemas["CampaignBody"]["properties"]["undo_minutes"]["description"] == "If left out: 30"
    assert "short_code" not in schemas["Scan"].get("required", [])


def test_patterns_are_of_ascii(document):
    patterns = [part["pattern"] for part in parts(document) if isinstance(part.get("pattern"), str)]
    assert [pattern for pattern in patterns if r"\u" in pattern or not pattern.isascii()] == []
    assert "^cmp_(0|[1-9][0-9]{0,9})$" in patterns
    assert any(r"\u200b" in part["x-pattern"] for part in parts(document) if "x-pattern" in part)


def test_every_whole_number_has_a_width(document):
    numbers = [part for part in parts(document) if part.get("type") in ("integer", ["integer", "null"])]
    assert {part["format"] for part in numbers} == {"int32", "int64"}
    assert [part for part in numbers if part.get("maximum", 0) > INT32_MAX and part["format"] == "int32"] == []
    assert document["components"]["schemas"]["Money"]["properties"]["amount"]["format"] == "int64"
    assert document["components"]["schemas"]["Sum"]["properties"]["amount"]["format"] == "int64"


def test_a_mapping_says_what_its_values_are(document):
    assert [part for part in parts(document) if "patternProperties" in part] == []
    offer = document["components"]["schemas"]["CampaignBody"]["properties"]["offer"]
    assert offer["additionalProperties"] == {"$ref": "#/components/schemas/Offer"}


def test_no_schema_has_words_that_are_not_of_json_schema(document):
    assert [part for part in parts(document["components"]["schemas"]) if {"ge", "le", "gt", "lt"} & set(part)] == []


@pytest.mark.parametrize("name", ["qr.svg", "qr.png"])
def test_symbols_are_bytes(document, name):
    answer = document["paths"][f"/v1/coupons/{{coupon}}/{name}"]["get"]["responses"]["200"]
    (content,) = answer["content"].values()
    assert content["schema"] == {"type": "string", "format": "binary"}


def test_the_codes_of_problems_are_all_told(document):
    schemas = document["components"]["schemas"]
    assert schemas["Problem"]["properties"]["code"] == {"$ref": "#/components/schemas/ProblemCode"}
    assert schemas["ProblemCode"]["enum"] == sorted(KINDS)


def test_the_example_of_a_short_code_is_one(document):
    for example in document["components"]["schemas"]["Scan"]["properties"]["short_code"]["examples"]:
        assert short_codes.grouped(short_codes.normalise(example)) == example


def test_headers_are_told_where_they_come(document):
    for name, operation in operations(document):
        keyed = "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]]
        for status, response in operation["responses"].items():
            told = set(response["headers"])
            assert ("Location" in told) == (status == "201"), name
            assert ("Retry-After" in told) == (status in ("429", "503")), name
            assert ("WWW-Authenticate" in told) == (status in ("401", "403")), name
            assert "X-Request-Id" in told, name
            if status in ("200", "201"):
                assert ("Idempotent-Replayed" in told) == keyed, name
            for header, reference in response["headers"].items():
                assert reference == {"$ref": f"#/components/headers/{header}"}
                assert header in document["components"]["headers"]
