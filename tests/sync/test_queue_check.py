"""What a device has to hand in is looked at as a whole: nothing is missing, and each event follows the one before."""

from dataclasses import replace

from sync.author import Author
from sync.device import Device, Kept, edit
from sync.handing_in import heed
from sync.queue_check import damage
from tests.devices import CREATED, NOON, new_id


def device(many: int) -> Device:
    made = Device(author=Author(replica="rada" + "a" * 9))
    for _ in range(many):
        data = dict(CREATED["site"])
        made, _ = edit(made, id=new_id(), entity_type="site", entity=new_id(), type="Created", data=data, now_ms=NOON)
    return made


def without(made: Device, seq: int) -> Device:
    return replace(made, outbox={id_: each for id_, each in made.outbox.items() if each.event.seq != seq})


def test_what_was_written_is_whole_whatever_the_server_has_made_of_some_of_it() -> None:
    made = device(5)
    first, second, third, *_ = made.outbox
    told = {"case": "rada-2", "code": "not_allowed", "text": "No.", "retryable": True}
    heard = heed(made, [{"id": second, "verdict": "quarantined", **told}, {"id": third, "verdict": "held"}])
    for each in (device(0), made, heard, without(made, 1), replace(without(without(made, 1), 2), kept={})):
        assert damage(each) is None
    settled = replace(without(made, 3), kept={third: Kept(made.outbox[third].event, 3)})
    assert damage(settled) is None
    assert damage(replace(without(made, 3), elsewhere={3: ("rben" + "a" * 9, 1)})) is None
    assert damage(replace(made, outbox={first: made.outbox[first]._replace(verdict="accepted", position=1)})) is None


def test_every_number_that_is_missing_is_named() -> None:
    for seq in (2, 3, 4, 5):
        assert f"event {seq} of" in str(damage(without(device(5), seq)))


def test_an_event_that_is_another_than_the_next_one_follows_is_named() -> None:
    made, other = device(5), device(5)
    for (id_, ours), theirs in zip([*made.outbox.items()], other.outbox.values(), strict=True):
        swapped = replace(made, outbox={**made.outbox, id_: ours._replace(event=theirs.event)})
        assert "event " in str(damage(swapped)), ours.event.seq


def test_one_that_must_fork_is_left_to_that() -> None:
    assert damage(replace(without(device(5), 3), forked_at=3)) is None
