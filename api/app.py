"""The HTTP application: the routes over the ports they are given."""

from fastapi import Depends, FastAPI

from api import health, problem_pages, reference_page
from api.admission import admit
from api.auth import Remembered
from api.door import Behind
from api.head import AnswersHead
from api.live_streams import Pace, Streams
from api.openapi import describe_by_policy, operation_id
from api.policy import check_closed
from api.problem import answer_problems
from api.proof import Proofs
from api.services import Services
from api.straight import put_first
from api.terms import Terms
from api.v1 import (
    audit,
    audit_proof,
    commands,
    devices,
    entities,
    handin,
    history,
    keys,
    live,
    log_proof,
    me,
    passkeys,
    people,
    pull,
    push,
    quarantine,
    relay,
    replay,
    service_accounts,
    sign_in,
    sync,
    views,
    webhooks,
)


def create_app(services: Services, *, pace: Pace | None = None, terms: Terms | None = None) -> FastAPI:
    """The application over these ports; `pace` is that of live streams, where it is not the usual one.

    `terms`: whom it holds to a pace and to which other sites it is open; without them, nobody and none.

    Raises `RouteUnknown` where a route has no row in `api.policy`.
    """
    app = Behind(
        title="Cairnfield",
        version="1",
        summary="Records of field-service work, written offline and merged.",
        docs_url=None,  # the framework's pages load their scripts from elsewhere, and we work without internet
        redoc_url=None,
        generate_unique_id_function=operation_id,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # it looks for a provider at every request
    )
    app.state.terms = terms or Terms()
    app.state.services, app.state.remembered = services, Remembered()
    app.state.streams = Streams(services.doorbell, pace)
    app.add_middleware(AnswersHead)
    answer_problems(app)
    app.state.proofs = Proofs(app.state.terms.words)
    routes = (health, problem_pages, reference_page, sync, push, pull, live, relay, quarantine, entities, commands)
    past = (history, replay, views)
    signing_in = (sign_in, passkeys, keys, me, devices, handin, people, service_accounts, audit, webhooks)
    proving = (log_proof, audit_proof)
    for each in (*routes, *past, *signing_in, *proving):
        app.include_router(each.router, dependencies=[Depends(admit)])
    check_closed(app.routes)
    put_first(app, push.router.routes)
    describe_by_policy(app)
    return app


def end_streams(app: FastAPI) -> None:
    """Let every live stream end, because the server is about to stop; on the loop that serves them."""
    streams = app.state.streams
    assert isinstance(streams, Streams)
    streams.end()
