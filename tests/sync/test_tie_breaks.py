"""Who wins where two wrote in the same moment and neither knew of the other: chance, which nobody can work at."""

from random import Random

from sync import merge, shown, state_codec
from sync.envelope import parse
from sync.replica_id import BYTES_DRAWN, replica_id
from tests.devices import Device, new_id

TENANT = "01900000-0000-7000-8000-00000000f001"


def test_a12_no_person_wins_ties_more_often_than_chance_has_it() -> None:
    """A replica is drawn by the server: whoever has another one minted wins the next tie as often as before."""
    dice = Random(12)
    mine, theirs = (
        [replica_id(dice.randbytes(BYTES_DRAWN), tenant=TENANT, person=new_id()) for _ in range(20_000)]
        for _ in range(2)
    )
    won = sum(ours > other for ours, other in zip(mine, theirs, strict=True))
    assert abs(won / len(mine) - 0.5) < 0.015  # four standard deviations


def test_a12_a_tie_is_shown_alike_everywhere_and_who_lost_it_is_kept() -> None:
    ada, ben, site = Device("ada"), Device("ben"), new_id()
    created = ada.create("site", site)
    ben.see(created)
    now = ada.now_ms + 1
    edits = [each.tell("site", site, "Edited", {"name": each.replica}, now_ms=now) for each in (ada, ben)]
    events = [parse(raw) for raw in (created, *edits)]
    assert events[1].at == events[2].at
    states: list[merge.State] = []
    for order in ((0, 1, 2), (0, 2, 1)):
        state = merge.empty("site")
        for number in order:
            state = merge.apply(state, events[number], events[number].at)
        states.append(state)
    assert state_codec.encode(states[0]) == state_codec.encode(states[1])
    assert shown.values(states[0])["name"] == max(ada.replica, ben.replica)
    (conflict,) = shown.conflicts(states[0])
    assert sorted(str(value) for value in conflict.values) == sorted([ada.replica, ben.replica])
