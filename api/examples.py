"""Examples for the description of the API, made from its schemas: what fits is said as a person would say it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

UUID: Final = "018f3c1e-7a00-7000-8000-0000000000a1"
_NAMED: Final[Mapping[str, Any]] = {
    "name": "Harbour Mill",
    "title": "Pump leaks",
    "reason": "The customer asked for it.",
    "email": "ada@harbour.example",
    "password": "four oars and a copper lamp",
    "old": "four oars and a copper lamp",
    "new": "nine gulls on a red lighthouse",
    "url": "https://erp.example.com/cairnfield",
    "facts": ["visit.VisitFinished", "work_order.*"],
    "scopes": ["proj:read"],
    "scope": "proj:read",
    "client_secret": "kept-where-only-it-reads",
    "field": "title",
    "value": "Pump leaks oil",
    "custom": [["bay", "7"]],
    "strokes": [[0, 0, 0, 120, 80, 40]],
    "type": "work_order",
    "remove": [],
    "end": "2026-11-02T11:00:00.000Z",
    "sla_id": "gold",
    "next": None,
    "limits": {"events_per_push_max": 500},
}
"""By the name of the member, where its schema lets that be said."""
_TEXTS: Final = (
    UUID,
    "rabcdefghijkl",
    "work_order:018f3c1e-7a00-7000-8000-0000000000a1",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "019c0a1f3b2a0000",
    "2026-11-02T09:00:00.000Z",
    "2026-11-02",
    "12.5",
    "+4930123456",
    "ada@harbour.example",
    "en",
    "DE",
    "EUR",
    "Europe/Berlin",
    "a0",
    "https://erp.example.com/cairnfield",
    "public-key",
    "proj:read",
    "visit.VisitFinished",
    "image/jpeg",
    "work_order",
    "VisitFinished",
    "bm90IGEgcGFzc2tleQ",
    "whsec_bm90IGEgc2VjcmV0IGJ1dCBhbiBleGFtcGxlIG9mIG9uZQ",
    "whpk_bm90IGEga2V5IGJ1dCBhbiBleGFtcGxlIG9mIGEgcHVibGljIG9uZQ",
)
_PLAIN: Final = ("As agreed by telephone.", "As agreed.", "Pump", "kg", "x")
_LIKELY_INTEGERS: Final = (1, 5, 0, 100)


class NoExample(Exception):
    """Nothing that we know to say fits a schema."""


def give_examples(body: Mapping[str, Any], parts: Mapping[str, Any]) -> None:
    """Beside the schemas of a request's body: as little as must be said, and all that can be."""
    for media in body.get("content", {}).values():
        if "example" not in media:
            least, whole = (example_of(media["schema"], parts, whole=each) for each in (False, True))
            media["examples"] = {"whole": {"summary": "All that can be said.", "value": whole}}
            if least != whole:
                media["examples"]["least"] = {"summary": "What must be said.", "value": least}


def give_example(body: Mapping[str, Any], parts: Mapping[str, Any], shared: dict[str, Any]) -> None:
    """Beside the schemas of an answer's body: one of all that it may tell, in `shared` where its shape has a name."""
    for media in body.get("content", {}).values():
        name = str(media["schema"].get("$ref", "")).rpartition("/")[2]
        if name:
            shared.setdefault(name, {"summary": "All that may be told.", "value": example_of(media["schema"], parts)})
            media["examples"] = {"whole": {"$ref": f"#/components/examples/{name}"}}
        else:
            media["example"] = example_of(media["schema"], parts)


def example_of(schema: Mapping[str, Any], parts: Mapping[str, Any], *, name: str = "", whole: bool = True) -> Any:
    """Something that fits a schema, whose references lead into `parts`; raises NoExample.

    `whole`: with every member that may be said, instead of those that must.
    """
    schema = _resolved(schema, parts)
    if name in _NAMED and fits(_NAMED[name], schema, parts):
        return _NAMED[name]
    for said in ("examples", "enum"):
        if schema.get(said):
            return schema[said][0]
    if "const" in schema:
        return schema["const"]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return example_of(schema[several][0], parts, name=name, whole=whole)
    match schema.get("type"):
        case "object":
            return _object(schema, parts, whole=whole)
        case "array":
            return _array(schema, parts, name=name, whole=whole)
        case "string":
            return _text(schema)
        case "integer" | "number":
            return next(each for each in (*_LIKELY_INTEGERS, schema.get("minimum")) if fits(each, schema, parts))
        case "boolean":
            return True
        case _:
            return None if schema.get("type") == "null" else "Pump leaks"


def _object(schema: Mapping[str, Any], parts: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    said = schema.get("properties", {})
    must = schema.get("required", ())
    return {
        name: example_of(each, parts, name=name, whole=whole) for name, each in said.items() if whole or name in must
    }


def _array(schema: Mapping[str, Any], parts: Mapping[str, Any], *, name: str, whole: bool) -> list[Any]:
    firsts = [example_of(each, parts, whole=whole) for each in schema.get("prefixItems", ())]
    if firsts or "items" not in schema or schema.get("maxItems") == 0:
        return firsts
    one = example_of(schema["items"], parts, name=name, whole=whole)
    return [one] * max(1, int(schema.get("minItems", 1)))


def _text(schema: Mapping[str, Any]) -> str:
    for each in (*_PLAIN, *_TEXTS, "x" * int(schema.get("minLength", 0))):
        if fits(each, schema, {}):
            return each
    raise NoExample(f"add a text that fits {schema}")


def fits(value: Any, schema: Mapping[str, Any], parts: Mapping[str, Any]) -> bool:
    """Whether a value is what a schema lets be said, as far as examples need."""
    schema = _resolved(schema, parts)
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return any(fits(value, each, parts) for each in schema[several])
    if "enum" in schema or "const" in schema:
        return value in schema.get("enum", [schema.get("const")])
    match schema.get("type"):
        case "string":
            return isinstance(value, str) and _is_short_enough(value, schema) and _is_spelled(value, schema)
        case "integer" | "number":
            return isinstance(value, int) and schema.get("minimum", value) <= value <= schema.get("maximum", value)
        case "array":
            return isinstance(value, list) and _are_few(cast("Sequence[Any]", value), schema, parts)
        case "object":
            return isinstance(value, dict) and "properties" not in schema
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case _:
            return True


def _is_short_enough(value: str, schema: Mapping[str, Any]) -> bool:
    return int(schema.get("minLength", 0)) <= len(value) <= int(schema.get("maxLength", len(value)))


def _is_spelled(value: str, schema: Mapping[str, Any]) -> bool:
    return "pattern" not in schema or re.search(schema["pattern"], value) is not None


def _are_few(values: Sequence[Any], schema: Mapping[str, Any], parts: Mapping[str, Any]) -> bool:
    few = int(schema.get("minItems", 0)) <= len(values) <= int(schema.get("maxItems", len(values)))
    return few and all(fits(each, schema.get("items", {}), parts) for each in values)


def _resolved(schema: Mapping[str, Any], parts: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = parts[schema["$ref"].rpartition("/")[2]]
    return schema
