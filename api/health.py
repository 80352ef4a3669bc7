"""Whether this process lives, and whether it can answer."""

from http import HTTPStatus

import orjson
from fastapi import APIRouter, Request, Response

from api.auth import ports_of
from api.problem import RETRY_AFTER_S, Problem

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Is the process alive?")
def livez() -> Response:
    """Answers as long as the process does; says nothing of the database."""
    return Response(orjson.dumps({"status": "alive"}), media_type="application/json")


@router.get("/readyz", summary="Can requests be answered?")
def readyz(request: Request) -> Response:
    """Answers 200 when the database answers, else 503."""
    if not ports_of(request).is_ready():
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "not-ready",
            "The database does not answer.",
            hint="Wait; ask again after the seconds in Retry-After.",
            retryable=True,
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )
    return Response(orjson.dumps({"status": "ready"}), media_type="application/json")
