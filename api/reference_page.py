"""The page that shows the API: Swagger UI from the package, so that it works where there is no internet."""

from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import Final

from fastapi import APIRouter, Request, Response

from api.problem import Problem

router = APIRouter(tags=["reference"], include_in_schema=False)

_PAGE: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Cairnfield: the API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="reference"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/begin.js"></script></body></html>
"""
_BEGIN: Final = """window.ui = SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#reference", deepLinking: true, filter: true, persistAuthorization: false,
  docExpansion: "none", defaultModelsExpandDepth: -1,
});
"""
_PLAIN: Final = """:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code { font-size: 0.95em; }
table { border-collapse: collapse; }
th, td { padding: 0.3rem 0.8rem 0.3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #8885; }
"""
_FILES: Final = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "begin.js": "text/javascript",
    "plain.css": "text/css",
}
_OURS: Final = {"begin.js": _BEGIN, "plain.css": _PLAIN}
# Swagger UI writes styles into its elements and draws with data: images; its scripts are files of ours all the same.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("/", summary="Where somebody comes to who types the address alone")
def front_page() -> Response:
    """Leads to the page that shows the API."""
    return Response(status_code=HTTPStatus.TEMPORARY_REDIRECT, headers={"Location": "/docs"})


@router.get("/docs", summary="The API, to be read and tried")
def reference_page() -> Response:
    """A page for people; programs read /openapi.json."""
    return Response(_PAGE, media_type="text/html", headers={"Content-Security-Policy": _POLICY})


@router.get("/docs/{file}", summary="A file of that page")
def reference_file(file: str, request: Request) -> Response:
    """Styles and scripts, which a browser may keep for a day."""
    if file not in _FILES:
        detail = f"{request.url.path} is no file of the reference."
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", detail, hint="GET /docs shows the API.")
    return Response(_content(file), media_type=_FILES[file], headers={"Cache-Control": "public, max-age=86400"})


@cache
def _content(file: str) -> bytes:
    if file in _OURS:
        return _OURS[file].encode()
    return resources.files("fastapi_swagger.resources").joinpath(file).read_bytes()
