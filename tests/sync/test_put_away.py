"""What was put away stays so, however long somebody slept through it."""

import pytest

from sync import shown
from sync.device import Device, edit
from sync.device import shown as state_of
from tests.devices import CREATED, NOON, new_id
from tests.sync.fleet import Server, settled


def tell(device: Device, entity: str, type_: str, **data: str) -> Device:
    said = {**(CREATED["customer"] if type_ == "Created" else {}), **data}
    return edit(device, id=new_id(), entity_type="customer", entity=entity, type=type_, data=said, now_ms=NOON)[0]


def is_archived(device: Device, entity: str) -> bool:
    state = state_of(device, entity)
    assert state is not None, "nothing is taken away"
    return bool(shown.values(state)["archived"])


def contested(device: Device, entity: str) -> list[str]:
    state = state_of(device, entity)
    assert state is not None
    return [conflict.field for conflict in shown.conflicts(state)]


@pytest.mark.parametrize("edits_between", [0, 1, 600])
def test_what_was_put_away_is_not_brought_back_by_a_device_that_slept_through_it(edits_between: int) -> None:
    server, mill = Server(), new_id()
    office, sleeper, writer = server.device(), server.device(), server.device()
    office = settled(server, tell(office, mill, "Created"))
    sleeper, writer = server.pull(sleeper), tell(server.pull(writer), mill, "Edited", name="The old mill")
    office = settled(server, tell(office, mill, "Archived"))
    other = new_id()
    office = settled(server, tell(office, other, "Created"))
    for number in range(edits_between):
        office = tell(office, other, "Edited", name=f"Pump {number}")
    office = settled(server, office)
    sleeper = settled(server, sleeper)
    assert is_archived(sleeper, mill), "it wrote nothing, so it changes nothing"
    assert is_archived(server.pull(server.device()), mill), "a new device is told by what is there now"
    writer, office = settled(server, writer), server.pull(office)
    for device in (writer, office, server.pull(server.device()), server.pull(sleeper)):
        assert not is_archived(device, mill), "somebody who did not know wrote: it is in sight"
        assert contested(device, mill) == ["archived"]
