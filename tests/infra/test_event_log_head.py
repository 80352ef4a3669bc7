"""What a log says of its head: where it stands, in which epoch, what is durable, and a ring whenever it moved."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from sync.log import Changes, Conflicting, Head, Known, TenantUnknown, Wanted
from tests.devices import NOON, new_id
from tests.infra.event_logs import REPLICA, Office, at, event, events
from tests.infra.pushing import LARGE, device, pushed


def rings(office: Office) -> list[int]:
    return [head for tenant, head in office.rung if tenant == office.tenant]


def test_whoever_moved_the_head_rings_once_when_it_is_stored(office: Office) -> None:
    office.store(Changes(events=events(3)))
    office.store(Changes(events=[event(4)]))
    assert rings(office) == [3, 4]


def test_nobody_rings_where_the_head_stays(office: Office) -> None:
    office.store(Changes())
    office.store(Changes(replicas=[at(1)]))
    assert rings(office) == []


def test_nobody_rings_for_what_was_not_stored(office: Office) -> None:
    office.store(Changes(events=events(1)))

    def gives_up(known: Known) -> tuple[Changes, None]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        office.log.append(office.tenant, Wanted(), gives_up, now_ms=NOON)
    with pytest.raises(Conflicting):
        office.store(Changes(events=[event(2, replica=REPLICA, seq=1)]))
    assert rings(office) == [1]


def test_pushes_large_and_small_at_once_ring_for_every_head_that_was_stored(office: Office) -> None:
    devices = [device(office, name) for name in ("ada2", "ben", "cleo", "dan", "eve", "fay")]
    sizes = [LARGE, 1, 2, LARGE, 1, 3]
    batches = [[each.create("site", new_id()) for _ in range(size)] for each, size in zip(devices, sizes, strict=True)]
    with ThreadPoolExecutor(len(batches)) as pool:
        heads = [answer.head for answer in pool.map(lambda raws: pushed(office, raws), batches)]
    assert max(rings(office)) == office.position == sum(sizes)
    assert len(set(rings(office))) == len(rings(office)) <= len(batches), "one ring for each commit"
    assert set(rings(office)) <= set(heads)


def test_a_new_epoch_is_told_from_then_on(office: Office) -> None:
    office.store(Changes(events=events(2)))
    office.log.mark_durable(office.tenant, 1)
    epoch = str(uuid.uuid4())
    assert office.log.begin_epoch(office.tenant, epoch) == Head(2, epoch, 1)
    assert office.log.head(office.tenant) == Head(2, epoch, 1)
    assert office.store(Changes()).epoch == epoch


def test_the_durable_mark_goes_forward_alone_and_never_past_the_head(office: Office) -> None:
    assert office.log.head(office.tenant).durable == 0
    office.store(Changes(events=events(5)))
    assert office.log.mark_durable(office.tenant, 3).durable == 3
    assert office.log.mark_durable(office.tenant, 2).durable == 3
    assert office.log.mark_durable(office.tenant, 9).durable == 5
    assert office.store(Changes(events=[event(6)])).durable == 5
    assert office.log.head(office.tenant)[0::2] == (6, 5)


def test_where_there_is_no_tenant_there_is_no_epoch_and_no_mark(office: Office) -> None:
    nobody = str(uuid.uuid4())
    with pytest.raises(TenantUnknown):
        office.log.begin_epoch(nobody, str(uuid.uuid4()))
    with pytest.raises(TenantUnknown):
        office.log.mark_durable(nobody, 1)
