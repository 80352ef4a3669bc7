"""The library's ProjectionRunner moves our read model along, and takes turns with our own runner."""

import pytest
from eventsourcing.persistence import Tracking
from eventsourcing.projection import ProjectionRunner

from infra.eventsourcing.application import FieldServiceApplication, Said
from infra.eventsourcing.read_model import ReadModelProjection, ReadModelView
from infra.eventsourcing.recorders import LogRecorder
from infra.postgres.pool import open_pool
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.roles import PROJECTOR
from projections.read_model import PROJECTIONS
from tests.infra.event_logs import Office
from tests.infra.eventsourcing.conftest import env_of
from tests.infra.eventsourcing.test_field_service import CUSTOMER, NEW_CUSTOMER, NEW_ORDER, renamed
from tests.infra.read_models import catch_up, is_right

WAIT_S = 30.0


@pytest.fixture
def env(request: pytest.FixtureRequest, databases: dict[str, str]) -> dict[str, str]:
    return env_of(request, "embedded", databases)


def test_the_library_runs_our_projections(env: dict[str, str]) -> None:
    with (
        ProjectionRunner(
            application_class=FieldServiceApplication,
            projection_class=ReadModelProjection,
            view_class=ReadModelView,
            env=env,
        ) as runner,
        open_pool(env["DATABASE_URL"], size=1, role=PROJECTOR) as pool,
    ):
        store, app = PostgresStore(pool, 1, PROJECTIONS), runner.app
        assert isinstance(app.recorder, LogRecorder)
        office = Office(log=app.recorder.office.log, tenant=env["CAIRN_TENANT"])
        app.tell(NEW_CUSTOMER, NEW_ORDER, renamed("Mill & Sons"))
        runner.wait(3, timeout=WAIT_S)
        is_right(store, office)
        assert runner.projection.view.max_tracking_id(app.name) == 3

        app.tell(Said(entity_type="customer", entity=CUSTOMER, type="Archived", data={}))
        catch_up(store, office)
        app.tell(renamed("Mill, Sons & Daughters"))
        runner.wait(5, timeout=WAIT_S)
        is_right(store, office)
        runner.projection.view.take_in(Tracking(app.name, 5))
        is_right(store, office)
        runner.projection.view.close()
