"""What the API says of itself: FastAPI's own description, with everything that is decided elsewhere told from there.

Who may ask comes from the policy, what is answered from `api.answers`, problems from their table.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.answer import UNDECLARED
from api.answer_headers import EVERY_ANSWER, HEADERS, OF_STATUS, headers_of, version_parameter
from api.answers import ANSWERS
from api.examples import give_example, give_examples
from api.policy import ANYBODY, NOTHING, POLICY, READS, Row
from api.problem_types import PROBLEM_TYPES, TYPES, title_of

_MEDIA_TYPE: Final = "application/problem+json"
_BEARER: Final = "bearer"


class DescriptionWrong(Exception):
    """A problem that nobody declared, or two shapes of one name."""


def describe_by_policy(app: FastAPI) -> None:
    """Let the application tell its description with what policy and problem table say; made once, when first asked."""

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = described(app)
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]  # how FastAPI is told


def operation_id(route: APIRoute) -> str:
    """The name of an operation: that of its function, or the one that the route gives itself."""
    return route.name


def described(app: FastAPI) -> dict[str, Any]:
    """OpenAPI 3.1 of every route; raises DescriptionWrong."""
    told = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=_ABOUT, routes=app.routes, tags=_TAGS
    )
    told["servers"] = [{"url": "/", "description": "The server that answers this."}]
    told["info"] |= {
        "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        "contact": {"name": "Cairnfield's developers", "url": "https://github.com/cairnfield/cairnfield/issues"},
    }
    components = told.setdefault("components", {})
    components["securitySchemes"] = {_BEARER: _BEARER_SCHEME}
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components["responses"], components["examples"] = {}, {}
    components["headers"] = dict(HEADERS)
    components["parameters"] = {"CairnfieldVersion": version_parameter()}
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            _complete(told, operation, method.upper(), path)
    answered = sorted({kind for name in components["responses"] for kind in name.split(".")})
    components["examples"] |= {kind: {"summary": title_of(kind), "value": _example(kind)} for kind in answered}
    return told


def _complete(told: dict[str, Any], operation: dict[str, Any], method: str, path: str) -> None:
    place, row = f"{method} {path}", POLICY[method, path]
    answer = ANSWERS.get(operation["operationId"], UNDECLARED)
    operation["security"] = [] if row.who is ANYBODY else [{_BEARER: []}]
    body: dict[str, Any] = {"content": {answer.media: {"schema": answer.schema()}}} if answer.has_body else {}
    schemas = told["components"]["schemas"]
    for each in (*_schemas_of(body), *_schemas_of(operation.get("requestBody", {}))):
        _name_parts(each, schemas)
    for each in _schemas_of(body):
        _name_whole(each, schemas)
    give_examples(operation.get("requestBody", {}), schemas)
    give_example(body, schemas, told["components"]["examples"])
    body.get("content", {}).update(answer.other_media)
    succeeded = {
        str(each.value): {"description": _SUCCEEDED[each], "headers": headers_of(operation["tags"], each), **body}
        for each in answer.statuses
    }
    kinds = [*_common(operation, row, method, path), *answer.problems]
    operation["responses"] = succeeded | _problems(kinds, place, told["components"]["responses"])
    for each in operation.get("parameters", ()):
        each["schema"] = _without_null(each["schema"])
    operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/CairnfieldVersion"})


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What can be sent in a URL or a header: null is to leave it out."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    return {name: each for name, each in schema.items() if name != "anyOf"} | kinds[0] if len(kinds) == 1 else schema


def _schemas_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [each["schema"] for each in body.get("content", {}).values()]


def _name_parts(schema: dict[str, Any], components: dict[str, Any]) -> None:
    """Move what a schema refers to where everybody finds it; raises DescriptionWrong for two of one name."""
    parts = schema.pop("$defs", {})
    for each in (schema, *parts.values()):
        _refer_to_components(each)
    for name, part in parts.items():
        if components.setdefault(name, part) != part:
            raise DescriptionWrong(f"two different shapes are called {name}")


def _name_whole(schema: dict[str, Any], components: dict[str, Any]) -> None:
    """Move a shape that has a name there too; raises DescriptionWrong for two of one name."""
    if "properties" in schema:
        name, whole = schema["title"], dict(schema)
        schema.clear()
        schema["$ref"] = f"#/components/schemas/{name}"
        if components.setdefault(name, whole) != whole:
            raise DescriptionWrong(f"two different shapes are called {name}")


def _refer_to_components(part: Any) -> None:
    if isinstance(part, dict):
        told = cast("dict[str, Any]", part)
        if str(told.get("$ref", "")).startswith(_LOCAL):
            told["$ref"] = "#/components/schemas/" + told["$ref"].removeprefix(_LOCAL)
        for each in told.values():
            _refer_to_components(each)
    elif isinstance(part, list):
        for each in cast("Any", part):
            _refer_to_components(each)


_LOCAL: Final = "#/$defs/"


_SUCCEEDED: Final = {
    HTTPStatus.OK: "Done.",
    HTTPStatus.CREATED: "Made.",
    HTTPStatus.ACCEPTED: "It will be done.",
    HTTPStatus.NO_CONTENT: "Done; there is nothing to read.",
}


def _common(operation: Mapping[str, Any], row: Row, method: str, path: str) -> Iterable[str]:
    yield from ("version-unknown", "headers-too-large")
    if row.who is not ANYBODY:
        yield "unauthorized"
        yield "forbidden"
    if row.pace != "free":
        yield "quota-exceeded"
    if row.pace == "asked" and method in READS:
        yield "client-too-old"
    if row.body_bytes_max != NOTHING:
        yield from (
            *("request-too-slow", "body-too-large", "packed-too-tightly"),
            *("unsupported-encoding", "unsupported-media-type", "not-gzip"),
        )
    if operation.get("parameters") or row.body_bytes_max != NOTHING:
        yield "invalid-request"
    if path.startswith("/v1/"):
        yield from ("log-unavailable", "internal-error")


def _problems(kinds: Iterable[str], place: str, responses: dict[str, Any]) -> dict[str, Any]:
    by_status: dict[HTTPStatus, list[str]] = {}
    for kind in dict.fromkeys(kinds):
        if kind not in PROBLEM_TYPES:
            raise DescriptionWrong(f"{place}: {kind} has no row in api/problem_types.py")
        by_status.setdefault(PROBLEM_TYPES[kind].status, []).append(kind)
    told: dict[str, Any] = {}
    for status, each in sorted(by_status.items()):
        name = ".".join(sorted(each))
        responses.setdefault(name, _answer(status, sorted(each)))
        told[str(status.value)] = {"$ref": f"#/components/responses/{name}"}
    return told


def _answer(status: HTTPStatus, kinds: list[str]) -> dict[str, Any]:
    whens = "; ".join(f"[`{kind}`]({TYPES}{kind}): {PROBLEM_TYPES[kind].when}" for kind in kinds)
    return {
        "description": f"{status.phrase}. {whens}.",
        "headers": EVERY_ANSWER | OF_STATUS.get(status, {}),
        "content": {
            _MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {kind: {"$ref": f"#/components/examples/{kind}"} for kind in kinds},
            }
        },
    }


def _example(kind: str) -> dict[str, Any]:
    declared = PROBLEM_TYPES[kind]
    return {
        "type": TYPES + kind,
        "title": title_of(kind),
        "status": declared.status.value,
        "detail": f"{declared.when[:1].upper()}{declared.when[1:]}.",
        "code": kind.replace("-", "_"),
        "hint": declared.remedy,
        "retryable": declared.status.value >= HTTPStatus.INTERNAL_SERVER_ERROR,
        "request_id": "0f0174a3fd24ed12",
    }


_ABOUT: Final = """
Every error is a problem document (RFC 9457); its `type` leads to a page on this server. The protocol of devices, frame
by frame, is in the reference of sync.
""".strip()
_TAGS: Final = [
    {"name": "sync", "description": "How devices hand in what they wrote and take what they lack."},
    {"name": "quarantine", "description": "What was set aside, and what becomes of it."},
    {"name": "entities", "description": "What things look like now."},
    {"name": "views", "description": "Tables, boards and figures that follow from the log, and files of them."},
    {"name": "commands", "description": "What the office does, as orders that are refused or told as events."},
    {"name": "sign-in", "description": "How people and services get tokens, and give them back."},
    {"name": "passkeys", "description": "Signing in by what a phone or a security key holds."},
    {"name": "me", "description": "Whoever speaks: who they are, and where they are signed in."},
    {"name": "devices", "description": "The devices of people, and what becomes of those that are lost."},
    {"name": "people", "description": "Who works here, and in which role."},
    {"name": "service accounts", "description": "Programs that speak for themselves."},
    {"name": "webhooks", "description": "Who is told of events, and what came of it."},
    {"name": "proof", "description": "What the log is proven by, and that nothing in it was changed."},
    {"name": "audit", "description": "The past: who wrote what, what was otherwise, who signed in, and who looked."},
    {"name": "health", "description": "Whether the server lives and can answer."},
    {"name": "problems", "description": "The pages that the types of problems lead to."},
]
_BEARER_SCHEME: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "An access token, as signing in answers it or as `cairn up` prints it.",
}
_PROBLEM: Final[Mapping[str, Any]] = {
    "title": "Problem",
    "description": "Why a request was not done, and what to do next (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "hint", "retryable", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Leads to a page that explains it."},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What is wrong with this request."},
        "code": {"type": "string", "pattern": "^[a-z_]+$", "description": "For programs: the end of `type`."},
        "hint": {"type": "string", "description": "What to do next."},
        "retryable": {"type": "boolean", "description": "Whether the same request may pass later."},
        "request_id": {"type": "string", "description": "What to quote to us."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
