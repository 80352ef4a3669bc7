"""No page of a pull ends amid events that stand or fall together, however small it is asked to be."""

import pytest

from sync.device import edit
from sync.envelope import Tx
from sync.frames import VerdictFrame
from sync.handing_in import next_batch, settle
from sync.rows import LaterRow
from tests.devices import CREATED, NOON, new_id
from tests.sync.fleet import TENANT, Server, settled


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_no_page_ends_amid_events_that_stand_or_fall_together(limit: int) -> None:
    server = Server()
    desk, part, together = server.device(), new_id(), new_id()
    desk, _ = edit(
        desk, id=new_id(), entity_type="part", entity=part, type="Created", data=dict(CREATED["part"]), now_ms=NOON
    )
    desk = settled(server, desk)
    reader = server.pull(server.device())
    for number in range(1, 4):
        desk, _ = edit(
            desk,
            id=new_id(),
            entity_type="part",
            entity=part,
            type="Edited",
            data={"name": f"Seal {number}"},
            now_ms=NOON,
            tx=Tx(id=together, i=number, n=3),
        )
    settled(server, desk)
    page = server.page(reader, limit=limit)
    assert [frame.event.tx["i"] for frame in page.events if frame.event.tx] == [1, 2, 3]
    assert page.cursor == page.head


def test_what_waited_for_one_of_them_comes_behind_all_of_them() -> None:
    server = Server()
    backup = server.backup()
    desk, other, together = server.device(), server.device(), new_id()
    parts = [new_id() for _ in range(3)]
    for number, part in enumerate(parts, 1):
        desk, _ = edit(
            desk,
            id=new_id(),
            entity_type="part",
            entity=part,
            type="Created",
            data=dict(CREATED["part"]),
            now_ms=NOON,
            tx=Tx(id=together, i=number, n=3),
        )
    settled(server, desk)
    other = server.pull(settled(server, other))
    other, built = edit(
        other, id=new_id(), entity_type="part", entity=parts[0], type="Edited", data={"name": "Seal"}, now_ms=NOON
    )
    server.restore(backup)
    for device in (desk, other):
        server.register(device.author.replica)
    other = settle(other, server.push(next_batch(other)))
    assert {each.verdict for each in other.outbox.values()} == {"held"}
    settled(server, desk)
    stood = [row.entity for row in server.log.page(TENANT, after=0, limit=9)]
    assert stood == [*parts, parts[0]]
    assert server.accepted()[-1].id == built.id


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_verdict_that_was_told_amid_them_ends_no_page_there_and_none_behind_it_is_left_out(limit: int) -> None:
    server = Server()
    desk, part, together = server.device(), new_id(), new_id()
    desk, _ = edit(
        desk, id=new_id(), entity_type="part", entity=part, type="Created", data=dict(CREATED["part"]), now_ms=NOON
    )
    desk = settled(server, desk)
    reader = server.pull(server.device())
    for number in range(1, 4):
        data, tx = {"name": f"Seal {number}"}, Tx(id=together, i=number, n=3)
        desk, _ = edit(desk, id=new_id(), entity_type="part", entity=part, type="Edited", data=data, now_ms=NOON, tx=tx)
    settled(server, desk)
    told = [
        LaterRow(reader.author.replica, seq, new_id(), position, {"seq": seq, "id": str(seq), "verdict": "dismissed"})
        for seq, position in enumerate((2, 2, 3, 4, 4), 1)
    ]
    server.log._tenant(TENANT).later.extend(told)
    page = server.page(reader, limit=limit)
    assert [frame.event.tx["i"] for frame in page.events if frame.event.tx] == [1, 2, 3]
    assert page.cursor == page.head == 4
    assert [frame.verdict["seq"] for frame in page.frames if isinstance(frame, VerdictFrame)] == [1, 2, 3, 4, 5]
