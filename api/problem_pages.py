"""The pages that the `type` of a problem leads to."""

from html import escape
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.problem import Problem
from api.problem_types import PROBLEM_TYPES, TYPES, ProblemType, title_of

router = APIRouter(tags=["problems"])


Kind = Annotated[str, Path(description="The end of a problem's `type`.")]


@router.get("/problems", summary="Every kind of problem that is answered", response_class=Response)
def all_problems() -> Response:
    """A page that lists them all, each with a page of its own."""
    rows = "".join(
        f'<tr><td><a href="{TYPES}{kind}">{title_of(kind)}</a><td>{each.status.value}<td>{_marked(each.when)}'
        for kind, each in sorted(PROBLEM_TYPES.items(), key=lambda item: item[1].status)
    )
    return _page("Problems", f"<table><tr><th>problem<th>status<th>when{rows}</table>")


@router.get("/problems/{kind}", summary="What a kind of problem means, and what to do about it")
def one_problem(kind: Kind, request: Request) -> Response:
    """The page that the `type` of a problem names."""
    declared = PROBLEM_TYPES.get(kind)
    if declared is None:
        detail = f"{request.url.path} explains nothing: there is no problem of that name."
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", detail, hint="GET /problems lists them all.")
    return _page(title_of(kind), _explained(kind, declared))


def _explained(kind: str, declared: ProblemType) -> str:
    status = f"{declared.status.value} {declared.status.phrase}"
    code = kind.replace("-", "_")
    return (
        f"<p>Answered with <b>{status}</b> and <code>{code}</code> when: {_marked(declared.when)}.</p>"
        f"<p>{_marked(declared.remedy)}</p><p><a href='{TYPES.rstrip('/')}'>Every problem</a></p>"
    )


def _marked(text: str) -> str:
    """Text with `code` in it, as HTML."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def _page(title: str, body: str) -> Response:
    text = (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<link rel='stylesheet' href='/docs/plain.css'>"
        f"<title>{escape(title)}</title><h1>{escape(title)}</h1>"
    )
    return Response(text + body + "</html>", media_type="text/html")
