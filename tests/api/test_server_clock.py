"""The server's own wall clock jumps: order, causality and what wins do not depend on it."""

import pytest

from sync import shown, state_codec
from sync.hybrid_clock import latest_at
from tests.api.office import Office
from tests.devices import MINUTE, new_id

DAY = 24 * 60 * MINUTE


def title(office: Office, job: str) -> object:
    row = office.log.entity(office.tenant, job)
    assert row is not None
    return shown.values(state_codec.decode(row.state))["title"]


@pytest.mark.parametrize(
    "jump_ms", [-60 * MINUTE, 60 * MINUTE, -400 * DAY, 400 * DAY], ids=["-1h", "+1h", "-1y", "+1y"]
)
def test_g19_the_clock_of_the_server_jumps_and_what_knew_more_still_wins(office: Office, jump_ms: int) -> None:
    ada, ben, job = office.device("ada"), office.device("ben"), new_id()
    first = ada.create("work_order", job)
    told = office.verdicts(first, ada.tell("work_order", job, "Edited", {"title": "before"}))
    ben.clocks[job] = {ada.replica: 2}
    office.clock.ms += jump_ms
    told += office.verdicts(ben.tell("work_order", job, "Edited", {"title": "after"}))
    assert title(office, job) == "after", "it has seen what it replaces, whatever the time is said to be"
    ada.clocks[job] = {ada.replica: 2, ben.replica: 1}
    office.clock.ms -= jump_ms
    told += office.verdicts(ada.tell("work_order", job, "Edited", {"title": "at last"}))
    assert title(office, job) == "at last"
    assert [each["position"] for each in told] == [1, 2, 3, 4]
    rows = office.log.page(office.tenant, after=0, limit=9)
    assert all(row.effective <= latest_at(row.recorded_at_ms) for row in rows), "nothing takes effect before it came"
    body = office.get("/v1/sync/pull", cursor=0, history=True)
    assert body.content.count(b'{"frame":"event"') == 4
