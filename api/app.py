"""The HTTP application: the routes over the ports they are given."""

from fastapi import FastAPI

from api import health
from api.auth import Remembered
from api.problem import answer_problems
from api.services import Services
from api.v1 import entities, pull, relay, sync


def create_app(services: Services) -> FastAPI:
    """The application over these ports."""
    app = FastAPI(
        title="Cairnfield",
        version="1",
        summary="Records of field-service work, written offline and merged.",
        docs_url=None,  # the framework's pages load their scripts from elsewhere, and we work without internet
        redoc_url=None,
    )
    app.state.services, app.state.remembered = services, Remembered()
    answer_problems(app)
    for router in (health.router, sync.router, pull.router, relay.router, entities.router):
        app.include_router(router)
    return app
