"""The office writes field service through an Application of the library, beside devices that know nothing of it."""

import uuid
from collections.abc import Iterator
from uuid import UUID

import pytest
from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import IntegrityError, ProgrammingError, StoredEvent, Tracking
from eventsourcing.projection import Projection, ProjectionRunner

from commands.authority import Principal
from commands.judge import judge_for
from domain.people import Role
from infra.eventsourcing.application import Entity, FieldServiceApplication, Said
from infra.eventsourcing.mapper import Authored
from infra.eventsourcing.recorders import LogRecorder, LogTrackingRecorder
from sync import push, shown, state_codec
from sync.envelope import Unacceptable
from sync.frames import EVERYTHING
from tests.devices import CREATED, PERSON_1, Device, fold

CUSTOMER = UUID("01900000-0000-7000-8000-00000000c001")
ORDER = UUID("01900000-0000-7000-8000-00000000c002")
NEW_CUSTOMER = Said(entity_type="customer", entity=CUSTOMER, type="Created", data=CREATED["customer"])
NEW_ORDER = Said(entity_type="work_order", entity=ORDER, type="Created", data=CREATED["work_order"])


@pytest.fixture
def office(office_env: dict[str, str]) -> Iterator[FieldServiceApplication]:
    with FieldServiceApplication(office_env) as application:
        yield application


def recorder_of(application: Application[UUID]) -> LogRecorder:
    assert isinstance(application.recorder, LogRecorder)
    return application.recorder


def speaking(application: FieldServiceApplication, role: Role) -> Principal:
    return Principal(tenant=recorder_of(application).office.tenant, person=PERSON_1, name="Mia", role=role)


def renamed(name: str, *, entity: UUID = CUSTOMER) -> Said:
    return Said(entity_type="customer", entity=entity, type="Edited", data={"name": name})


def hand_in(application: FieldServiceApplication, device: Device, *raws: bytes) -> list[str]:
    """Push as a device does, with its replica minted on the way."""
    place = recorder_of(application).office
    if place.log.replica(place.tenant, device.replica) is None:
        place.shelf.employ(place.tenant, person=PERSON_1, name="Ada")
        place.log.mint(place.tenant, replica=device.replica, person=PERSON_1, name="phone", now_ms=device.now_ms)
    batch = [push.receive(raw) for raw in raws]
    answer = place.log.append(
        place.tenant,
        push.wanted(batch),
        lambda known: push.decide(batch, known, judge=judge_for("dispatcher"), actor=PERSON_1, now_ms=device.now_ms),
        now_ms=device.now_ms,
    )
    return [each["verdict"] for each in answer.verdicts]


def beside_the_log(application: FieldServiceApplication, entity: UUID) -> bytes:
    """The encoded state that the append keeps."""
    place = recorder_of(application).office
    row = place.log.entity(place.tenant, str(entity))
    assert row is not None
    return row.state


def found(application: FieldServiceApplication, entity: UUID) -> Entity:
    entity_found = application.entity(entity)
    assert entity_found is not None
    return entity_found


def test_what_the_office_tells_is_read_back_as_the_state_beside_the_log(office: FieldServiceApplication) -> None:
    recordings = office.tell(NEW_CUSTOMER, renamed("Mill"), renamed("Harbour Mill AS"))
    assert [each.notification.id for each in recordings] == [1, 2, 3]
    assert found(office, CUSTOMER).version == 3
    assert state_codec.encode(found(office, CUSTOMER).state) == beside_the_log(office, CUSTOMER)
    assert shown.values(found(office, CUSTOMER).state)["name"] == "Harbour Mill AS"
    before = office.entity(CUSTOMER, version=2)
    assert before is not None
    assert shown.values(before.state)["name"] == "Mill"
    assert office.entity(uuid.uuid4()) is None


def test_the_office_and_a_device_write_the_same_entity(office: FieldServiceApplication) -> None:
    office.tell(NEW_CUSTOMER)
    device = Device("ada")
    place = recorder_of(office).office
    created = place.log.page(place.tenant, after=0, limit=1)[0].body
    device.see(created)
    edit = device.tell("customer", str(CUSTOMER), "Edited", {"name": "From the field"})
    office.tell(renamed("From the office"))  # concurrent: neither has seen the other
    assert hand_in(office, device, edit) == ["accepted"]
    state = found(office, CUSTOMER).state
    assert state_codec.encode(state) == beside_the_log(office, CUSTOMER)
    assert [conflict.field for conflict in shown.conflicts(state)] == ["name"]
    office.tell(renamed("Agreed"))  # knows both
    assert shown.conflicts(found(office, CUSTOMER).state) == []
    assert found(office, CUSTOMER).version == 4


def test_what_a_device_wrote_is_an_event_of_the_library_too(office: FieldServiceApplication) -> None:
    device = Device("ada")
    raw = device.create("customer", str(CUSTOMER))
    hand_in(office, device, raw)
    (authored,) = office.events.get(CUSTOMER)
    assert isinstance(authored, Authored)
    assert (authored.event.raw, authored.originator_version) == (raw, 1)
    (notification,) = office.notification_log.select(1, 10)
    assert (notification.topic, notification.state) == ("Created", raw)
    assert found(office, CUSTOMER).state == fold([raw])


def test_whoever_writes_second_of_the_same_version_stores_nothing(
    office: FieldServiceApplication, office_env: dict[str, str]
) -> None:
    office.tell(NEW_CUSTOMER)
    with FieldServiceApplication(office_env) as other:
        late = other.authored(renamed("Late"))
        office.tell(renamed("First"))
        with pytest.raises(IntegrityError):
            other.save(*late)
        assert recorder_of(office).max_notification_id() == 2
        other.tell(renamed("Second"))  # which reads again and follows
    assert shown.values(found(office, CUSTOMER).state)["name"] == "Second"


def test_all_facts_of_one_telling_are_stored_or_none(office: FieldServiceApplication) -> None:
    with pytest.raises(Unacceptable, match="already_created"):
        office.tell(NEW_CUSTOMER, NEW_CUSTOMER)
    with pytest.raises(Unacceptable, match="unknown_entity"):
        office.tell(NEW_CUSTOMER, renamed("Nobody", entity=uuid.uuid4()))
    assert office.entity(CUSTOMER) is None
    assert recorder_of(office).max_notification_id() is None


def test_whoever_speaks_must_be_allowed_to(office: FieldServiceApplication) -> None:
    place = recorder_of(office).office
    with pytest.raises(Unacceptable, match="not_allowed"):
        office.tell(NEW_CUSTOMER, speaking=speaking(office, "auditor"))
    office.tell(NEW_CUSTOMER, speaking=speaking(office, "dispatcher"))
    assert [row.actor for row in place.log.page(place.tenant, after=0, limit=9)] == [PERSON_1]


def test_an_entity_of_field_service_can_be_no_aggregate_too(office: FieldServiceApplication) -> None:
    office.tell(NEW_CUSTOMER)
    with pytest.raises(IntegrityError, match="customer"):
        recorder_of(office).insert_events([StoredEvent(CUSTOMER, 2, "bank:Opened", b"{}")])
    edit = office.authored(renamed("Mill"))
    with pytest.raises(ProgrammingError, match="separate"):
        office.save(*edit, Aggregate())


def test_a_pull_brings_devices_what_the_office_authored_and_none_of_its_aggregates(
    office: FieldServiceApplication,
) -> None:
    office.tell(NEW_CUSTOMER)
    office.save(Aggregate())
    office.tell(renamed("Mill"))
    office.save(Aggregate())
    place = recorder_of(office).office
    with place.log.moment(place.tenant) as moment:
        page = moment.tail([EVERYTHING], after=0, until=4, limit=10, bytes_max=10**6)
        rest = moment.tail([EVERYTHING], after=3, until=4, limit=10, bytes_max=10**6)
    lines = page.lines.splitlines()
    assert [line.partition(b',"version"')[0] for line in lines] == [
        b'{"frame":"event","position":1',
        b'{"frame":"event","position":3',
    ]
    assert page.last == 4
    assert (rest.lines, rest.last) == (b"", 4)


class Names(LogTrackingRecorder):
    """A view: what customers are called."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # passed on as they came
        self.names: dict[UUID, str] = {}


class NamesOfCustomers(Projection[Names]):
    topics = ("Created", "Edited")

    @singledispatchmethod
    def process_event(self, domain_event: Authored, tracking: Tracking) -> None:
        self.view.names[domain_event.originator_id] = domain_event.event.data["name"]
        self.view.insert_tracking(tracking)


def test_the_librarys_runner_projects_what_devices_and_the_office_wrote(office_env: dict[str, str]) -> None:
    with ProjectionRunner(
        application_class=FieldServiceApplication,
        projection_class=NamesOfCustomers,
        view_class=Names,
        env=office_env,
    ) as runner:
        runner.app.tell(NEW_CUSTOMER)
        runner.app.save(Aggregate())  # of another topic
        device = Device("ada")
        theirs = UUID("01900000-0000-7000-8000-00000000c009")
        hand_in(runner.app, device, device.create("customer", str(theirs), {"name": "Lighthouse"}))
        runner.wait(3, timeout=5)
        assert runner.projection.view.names == {CUSTOMER: "Harbour Mill", theirs: "Lighthouse"}


def test_facts_about_several_entities_are_told_together(office: FieldServiceApplication) -> None:
    office.tell(NEW_CUSTOMER, NEW_ORDER)
    assert state_codec.encode(found(office, ORDER).state) == beside_the_log(office, ORDER)
    assert recorder_of(office).max_notification_id() == 2
