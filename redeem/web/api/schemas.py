"""Makes the schemas of the OpenAPI document from the models of bodies, answers and queries.

Programs that generate clients read the document, so a schema has only what they all read alike. A member's default is said in words:
clients of PHP and Java send an empty one, and clients of TypeScript must send any. A pattern with characters beyond ASCII stands as
`x-pattern`: regular expressions of some languages can't read it, and refuse every text in Russian.
"""

from collections.abc import Iterable, Mapping
from json import dumps
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

REF = "#/components/schemas/{model}"
INT32_MAX = 2**31 - 1
LIMITS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
NULL = {"type": "null"}
LISTS_OF_SCHEMAS = ("anyOf", "oneOf", "allOf", "prefixItems")
SCHEMAS = ("items", "additionalProperties", "propertyNames", "not")
BEYOND_ASCII = (r"\u", r"\x00")


class Schemas:
    """The schemas of the models that operations have as bodies and as answers. `all` has them by name."""

    def __init__(self, bodies: Iterable[type[BaseModel]], answers: Iterable[type[BaseModel]]) -> None:
        models: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {}
        models |= {(model, "serialization"): None for model in answers}
        models |= {(model, "validation"): None for model in bodies}
        refs, definitions = models_json_schema(list(models), ref_template=REF)
        self._refs: Mapping[Any, dict[str, Any]] = refs  # by model and mode
        self.all: dict[str, Any] = {name: plain(schema) for name, schema in definitions["$defs"].items()}

    def body(self, model: type[BaseModel]) -> dict[str, Any]:
        return self._refs[model, "validation"]

    def answer(self, model: type[BaseModel]) -> dict[str, Any]:
        return self._refs[model, "serialization"]


def query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    """The parameters of a query, one for each member. A member that may be None is a parameter that may be left out."""
    members = model.model_json_schema(ref_template=REF)["properties"]
    return [parameter(name, plain(without_null(member))) for name, member in members.items()]


def parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    description = schema.pop("description", None)
    told = {"description": description} if description else {}
    return {"name": name, "in": "query", "required": False, **told, "schema": without_title(schema)}


def without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    choices = schema.get("anyOf", [])
    kept = [choice for choice in choices if choice != NULL]
    if len(kept) != 1:
        return dict(schema)
    return {**{name: value for name, value in schema.items() if name != "anyOf"}, **kept[0]}


def plain(schema: Any) -> Any:
    """The schema, and all in it, as every generator reads it."""
    if not isinstance(schema, dict):
        return schema
    made = {
        name: plain_member(name, value) for name, value in mapped(schema).items() if not is_empty_default(name, value)
    }
    # What pydantic says by its own words, where it does not know that it is a number.
    limits = {LIMITS[name]: made.pop(name) for name in LIMITS if name in made}
    made |= limits if isinstance(next(iter(limits.values()), None), int) else {}
    pattern = made.get("pattern", "")
    if any(mark in pattern for mark in BEYOND_ASCII):
        made["x-pattern"] = made.pop("pattern")
    if made.get("type") == "integer":
        made["format"] = "int32" if abs(made.get("maximum", INT32_MAX + 1)) <= INT32_MAX else "int64"
    return nullable(made)


def mapped(schema: dict[str, Any]) -> dict[str, Any]:
    """A mapping whose names have a pattern as `additionalProperties` and `propertyNames`: most generators know no `patternProperties`."""
    if len(schema.get("patternProperties", {})) != 1:
        return schema
    ((pattern, value),) = schema["patternProperties"].items()
    others = {name: each for name, each in schema.items() if name != "patternProperties"}
    names = {"type": "string", "pattern": pattern} | schema.get("propertyNames", {})
    return others | {"additionalProperties": value, "propertyNames": names}


def plain_member(name: str, value: Any) -> Any:
    if name == "properties":
        return {member: without_default(without_title(plain(each))) for member, each in value.items()}
    if name in LISTS_OF_SCHEMAS:
        return [plain(each) for each in value]
    return plain(value) if name in SCHEMAS else value


def is_empty_default(name: str, value: Any) -> bool:
    """Whether it is a default that a client need not know: the server puts it in for what is left out."""
    return name == "default" and (not value or isinstance(value, dict)) and value not in (0, False)


def without_default(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a member with its default said in words: to a generator of TypeScript, a member with one is never left out."""
    if not isinstance(schema, dict) or "default" not in schema:
        return schema
    told = {name: value for name, value in schema.items() if name != "default"}
    if "const" in schema:
        return told
    sentences = told.get("description"), f"If left out: {dumps(schema['default'])}"
    return told | {"description": ". ".join(filter(None, sentences))}


def without_title(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a member without the title that pydantic gives it: some generators name a class by it."""
    return {name: value for name, value in schema.items() if name != "title"} if isinstance(schema, dict) else schema


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """A plain type or null as `"type": [type, "null"]`, which says it in one."""
    choices = schema.get("anyOf", [])
    kept = [choice for choice in choices if choice != NULL]
    if len(kept) != 1 or len(choices) != 2 or not is_plain(kept[0]):
        return schema
    others = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**kept[0], **others, "type": [kept[0]["type"], "null"]}


def is_plain(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") in ("string", "integer", "boolean") and "enum" not in schema and "const" not in schema
