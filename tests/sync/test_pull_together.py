"""No page of a pull ends amid events that stand or fall together, however small it is asked to be."""

import pytest

from sync.device import edit
from sync.envelope import Tx
from tests.devices import CREATED, NOON, new_id
from tests.sync.fleet import Server, settled


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
