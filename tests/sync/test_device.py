"""Devices against a server: edits, hand-ins and pulls in any order, with answers lost, late or doubled."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from sync import shown
from sync.device import Device, digest, edit
from sync.device import shown as state_of
from sync.envelope import Event, Unacceptable
from sync.fork import fork
from sync.handing_in import ask_again, next_batch, settle
from sync.limits import EVENTS_PER_PUSH_MAX, PUSH_BYTES_MAX
from tests.devices import NOON, new_id
from tests.sync.fleet import TENANT, Server, settled

SITE: Final = new_id()
VISIT: Final = new_id()


def tell(device: Device, entity: str, type: str, data: Mapping[str, Any], **more: Any) -> tuple[Device, Event]:  # noqa: A002
    kind = "visit" if entity == VISIT else "site"
    return edit(device, id=new_id(), entity_type=kind, entity=entity, type=type, data=dict(data), now_ms=NOON, **more)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def device(server: Server) -> Device:
    """A device that has made a site, handed it in and taken it back."""
    made, _ = tell(server.device(), SITE, "Created", {"customer_id": new_id(), "name": "Mill"})
    return settled(server, made)


def test_an_edit_is_shown_before_it_is_handed_in_and_accepted_only_after(device: Device) -> None:
    after, _ = tell(device, SITE, "Edited", {"directions": "left"})
    state = state_of(after, SITE)
    assert state is not None
    assert shown.values(state)["directions"] == "left"
    assert "directions" not in shown.values(after.accepted[SITE])


def test_data_that_no_server_would_take_are_not_written(device: Device) -> None:
    with pytest.raises(Unacceptable):
        tell(device, SITE, "Edited", {"geofence_m": -1})


def test_an_event_leaves_the_outbox_when_it_comes_back_though_its_answer_was_lost(
    server: Server, device: Device
) -> None:
    device, _ = tell(device, SITE, "Edited", {"directions": "left"})
    late = server.push(next_batch(device))
    device = server.pull(device)
    assert not device.outbox
    assert settle(device, late) == replace(device, epoch=late["epoch"])
    assert next_batch(device) == b""


def test_an_accepted_event_stays_shown_and_is_not_sent_again_until_it_comes_back(
    server: Server, device: Device
) -> None:
    device, event = tell(device, SITE, "Edited", {"directions": "left"})
    device = settle(device, server.push(next_batch(device)))
    assert device.outbox[event.id].verdict == "accepted"
    assert next_batch(device) == b""


def test_a_quarantined_event_is_rolled_back_and_kept(server: Server, device: Device) -> None:
    server.role = "auditor"
    device, event = tell(device, SITE, "Edited", {"directions": "left"})
    device = settle(device, server.push(next_batch(device)))
    assert device.quarantined[event.id].code == "not_allowed"
    assert not device.outbox
    assert SITE not in device.edited


def test_a_held_event_stays_and_is_asked_after(server: Server, device: Device) -> None:
    other = server.device()
    unseen = device.accepted[SITE]._replace(clock={**device.accepted[SITE].clock, other.author.replica: 1})
    device, event = tell(replace(device, accepted={SITE: unseen}), SITE, "Edited", {"directions": "left"})
    device = settle(device, server.push(next_batch(device)))
    assert device.outbox[event.id].verdict == "held"
    assert next_batch(device) == b""
    assert next_batch(ask_again(device)) == event.raw


def test_what_was_set_aside_under_an_earlier_name_is_asked_after(server: Server, device: Device) -> None:
    device, event = tell(device, SITE, "Edited", {"directions": "left"})
    told = {"id": event.id, "verdict": "quarantined", "case": "c", "code": "not_allowed", "text": "", "retryable": True}
    device = settle(device, {"batch": "taken", "epoch": device.epoch, "verdicts": [told]})
    assert next_batch(ask_again(device)) == b"", "of its own name a pull tells"
    twin = fork(replace(device, forked_at=event.seq), replica=server.device().author.replica)
    asked = ask_again(twin)
    assert (next_batch(asked), [*asked.quarantined]) == (event.raw, [])
    again = settle(asked, {"batch": "taken", "epoch": device.epoch, "verdicts": [told]})
    assert (again.quarantined, again.outbox) == (twin.quarantined, twin.outbox)
    assert state_of(again, SITE) == state_of(twin, SITE)


def test_a_gap_is_filled_from_where_the_server_stands(server: Server, device: Device) -> None:
    for word in ("left", "right"):
        device, _ = tell(device, SITE, "Edited", {"directions": word})
    body = next_batch(device)
    taken = {"batch": "taken", "epoch": device.epoch, "verdicts": []}
    first, second = device.outbox
    skipped = settle(device, {**taken, "verdicts": [{"id": first, "verdict": "accepted", "position": 99}]})
    assert next_batch(skipped) == device.outbox[second].event.raw
    answer = server.push(next_batch(skipped))
    assert answer["batch"] == "gap"
    assert next_batch(settle(skipped, answer)) == body


def test_a_gap_that_nobody_can_fill_is_mended_under_a_new_replica(server: Server) -> None:
    device = server.device()
    lost, _ = tell(device, SITE, "Created", {"customer_id": new_id(), "name": "Mill"})
    device = replace(device, author=lost.author)
    device, event = tell(device, new_id(), "Created", {"customer_id": new_id(), "name": "Quay"})
    device = settled(server, device)
    assert set(device.accepted) == {event.entity}
    assert digest(device) == server.digest()


def test_a_clone_goes_on_under_a_new_replica_with_its_events_and_their_ids(server: Server, device: Device) -> None:
    device, shared = tell(device, SITE, "Edited", {"directions": "left"})
    clone, own = tell(device, SITE, "Edited", {"opening_hours": "8 to 4"})
    clone, last = tell(clone, SITE, "Edited", {"opening_hours": "8 to 5"})
    device, _ = tell(device, SITE, "Edited", {"geofence_m": 50})
    device = settled(server, device)
    answer = server.push(next_batch(clone))
    assert answer["batch"] == "forked"
    clone = settle(clone, answer)
    assert next_batch(clone) == b""
    clone = settled(server, clone)
    assert clone.author.replica != device.author.replica
    accepted = {row.id: row for row in server.log.page(TENANT, after=0, limit=100)}
    assert {shared.id, own.id, last.id} <= set(accepted)
    assert accepted[last.id].replica == clone.author.replica
    assert shown.conflicts(clone.accepted[SITE]) == []
    assert len(clone.accepted[SITE].cells["opening_hours"]) == 1, "the last edit still replaces the one before it"
    assert digest(clone) == digest(settled(server, device)) == server.digest()


def test_a_restored_device_learns_by_pulling_that_its_numbers_are_taken(server: Server, device: Device) -> None:
    backup = device
    device, _ = tell(device, SITE, "Edited", {"directions": "left"})
    settled(server, device)
    restored = server.pull(backup)
    assert restored.forked_at == backup.author.seq + 1
    restored, _ = tell(settled(server, restored), SITE, "Edited", {"directions": "right"})
    restored = settled(server, restored)
    assert shown.values(restored.accepted[SITE])["directions"] == "right"
    assert digest(restored) == server.digest()


def test_a_batch_keeps_the_limits_and_never_cuts_a_tx(server: Server) -> None:
    device = server.device()
    for n in range(EVENTS_PER_PUSH_MAX - 1):
        device, _ = tell(device, new_id(), "Created", {"customer_id": new_id(), "name": f"Site {n}"})
    together = new_id()
    for i in (1, 2):
        data = {"customer_id": new_id(), "name": "Together"}
        device, _ = tell(device, new_id(), "Created", data, tx={"id": together, "i": i, "n": 2})
    assert len(next_batch(device).split(b"\n")) == EVENTS_PER_PUSH_MAX - 1
    device = settle(device, server.push(next_batch(device)))
    assert len(next_batch(device).split(b"\n")) == 2
    for _ in range(200):
        device, _ = tell(device, SITE, "Edited", {"directions": "x" * 8_000})
    assert len(next_batch(device)) <= PUSH_BYTES_MAX
