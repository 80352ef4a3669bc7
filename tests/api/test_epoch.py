"""What a device is told of epochs and of what is durable: by hello and by every answer to a push."""

import uuid

from sync.limits import KEPT_DAYS_MAX
from tests.api.office import Office, customers
from tests.devices import new_id


def told(office: Office) -> tuple[str, int]:
    said = office.post("/v1/sync/hello", {}).json()
    return said["epoch"], said["durable"]


def test_hello_tells_the_epoch_what_is_durable_and_how_long_to_keep_the_rest(office: Office) -> None:
    device = office.device("ada")
    office.verdicts(*customers(device, 3))
    before = office.log.head(office.tenant).epoch
    assert told(office) == (before, 0)
    office.log.mark_durable(office.tenant, 2)
    assert told(office) == (before, 2)
    after = str(uuid.uuid4())
    office.log.begin_epoch(office.tenant, after)
    assert told(office) == (after, 2)
    assert office.post("/v1/sync/hello", {}).json()["limits"]["kept_days_max"] == KEPT_DAYS_MAX == 14


def test_every_answer_to_a_push_tells_what_is_durable_which_is_not_what_it_stored(office: Office) -> None:
    device = office.device("ada")
    first, second, *more = customers(device, 60)
    assert office.push(first).json()["durable"] == 0
    office.log.mark_durable(office.tenant, 1)
    assert office.push(*more[1:]).json()["batch"] == "gap"
    assert office.push(*more[1:]).json()["durable"] == 1
    large = office.push(second, *more).json()
    assert (large["durable"], large["head"]) == (1, 60)
    twin = office.push(device.create("customer", new_id()).replace(b'"seq":61', b'"seq":60')).json()
    assert (twin["batch"], twin["durable"]) == ("forked", 1)
