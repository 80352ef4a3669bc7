"""Every example in the description of the API is one: what it stands beside would take or tell it."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from api.examples import NoExample, example_of
from cairnfield.openapi_reference import openapi

DOCUMENT: dict[str, Any] = json.loads(openapi())


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            place = f"{method.upper()} {path}"
            for media in operation.get("requestBody", {}).get("content", {}).values():
                yield place, media
            for status, answer in operation["responses"].items():
                for media in answer.get("content", {}).values():
                    yield f"{place} {status}", media


def fits(value: Any, schema: dict[str, Any]) -> bool:
    whole = {**schema, "components": DOCUMENT["components"]}
    return jsonschema_rs.validator_for(whole).is_valid(value)


def examples_of(media: dict[str, Any]) -> list[Any]:
    if media["schema"].get("format") == "binary":
        return []  # no text is an example of it
    if "example" in media:
        return [media["example"]]
    named = media["examples"].values()
    return [
        DOCUMENT["components"]["examples"][each["$ref"].rpartition("/")[2]]["value"]
        if "$ref" in each
        else each["value"]
        for each in named
    ]


def test_every_body_has_an_example_that_fits() -> None:
    found = list(bodies())
    wrong = [place for place, media in found if not all(fits(each, media["schema"]) for each in examples_of(media))]
    assert wrong == []
    assert len(found) > 250


def test_an_order_is_shown_with_all_that_can_be_said_and_with_what_must_be() -> None:
    examples = DOCUMENT["paths"]["/v1/customers"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert examples["least"]["value"] == {"name": "Harbour Mill"}
    assert examples["whole"]["value"].keys() > {"name", "billing_address", "contacts", "tags"}


def test_where_nothing_fits_that_we_know_to_say_somebody_must_say_it() -> None:
    with pytest.raises(NoExample, match="zzz"):
        example_of({"type": "string", "pattern": "^zzz$"}, {})
