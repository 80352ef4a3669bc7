"""The HTTP application: the routes over the ports they are given."""

from fastapi import FastAPI

from api import health
from api.auth import Remembered
from api.head import AnswersHead
from api.live_streams import Pace, Streams
from api.problem import answer_problems
from api.services import Services
from api.v1 import entities, live, pull, quarantine, relay, sync


def create_app(services: Services, *, pace: Pace | None = None) -> FastAPI:
    """The application over these ports; `pace` is that of live streams, where it is not the usual one."""
    app = FastAPI(
        title="Cairnfield",
        version="1",
        summary="Records of field-service work, written offline and merged.",
        docs_url=None,  # the framework's pages load their scripts from elsewhere, and we work without internet
        redoc_url=None,
    )
    app.state.services, app.state.remembered = services, Remembered()
    app.state.streams = Streams(services.doorbell, pace)
    app.add_middleware(AnswersHead)
    answer_problems(app)
    routes = (health, sync, pull, live, relay, quarantine, entities)
    for each in routes:
        app.include_router(each.router)
    return app


def end_streams(app: FastAPI) -> None:
    """Let every live stream end, because the server is about to stop; on the loop that serves them."""
    streams = app.state.streams
    assert isinstance(streams, Streams)
    streams.end()
