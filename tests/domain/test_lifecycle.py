"""From where each status goes where, and which concurrent moves a person is asked about."""

from itertools import pairwise

import pytest

from domain.lifecycle import CLASHES, DEVICE, LIFECYCLES, VISIT, WORK_ORDER, Lifecycle, Move


def walk(lifecycle: Lifecycle, *moves: str) -> str:
    """Where these moves, each known to the author of the next, lead; an assertion where one is not legal."""
    status: str | None = None
    for name in moves:
        move = lifecycle.moves[name]
        assert (status in move.legal_from) if status else not move.legal_from, f"{name} does not follow {status}"
        status = move.leads_to
    assert status is not None
    return status


@pytest.mark.parametrize(
    ("moves", "status"),
    [
        (["draft", "open", "schedule", "start", "complete", "approve", "close"], "closed"),
        (["draft", "open", "schedule", "start", "hold", "resume", "complete"], "completed"),
        (["draft", "open", "schedule", "unschedule", "schedule"], "scheduled"),
        (["draft", "open", "schedule", "start", "complete", "reopen", "complete"], "completed"),
        (["draft", "open", "complete", "approve", "reopen"], "open"),
        (["draft", "complete"], "completed"),  # every step but the first skipped
        (["draft", "open", "start"], "in_progress"),  # a visit began that nobody had planned
        *((["draft", *way, "cancel"], "cancelled") for way in ([], ["open"], ["open", "schedule"])),
        *((["draft", "open", *way, "cancel"], "cancelled") for way in (["start"], ["start", "hold"])),
    ],
)
def test_a_work_order_lives_as_it_is_told(moves: list[str], status: str) -> None:
    assert walk(WORK_ORDER, *moves) == status


@pytest.mark.parametrize(
    ("moves", "status"),
    [
        (["plan", "dispatch", "accept", "travel", "arrive", "pause", "continue", "finish"], "done"),
        (["plan", "dispatch", "decline", "dispatch"], "dispatched"),
        (["plan", "decline"], "declined"),
        (["plan", "arrive"], "on_site"),
        (["plan", "finish"], "done"),
        (["plan", "dispatch", "arrive", "pause", "finish"], "done"),
        *((["plan", *way, "cancel"], "cancelled") for way in ([], ["dispatch"], ["accept"], ["accept", "travel"])),
    ],
)
def test_a_visit_lives_as_it_is_told(moves: list[str], status: str) -> None:
    assert walk(VISIT, *moves) == status


@pytest.mark.parametrize(
    ("lifecycle", "move", "statuses"),
    [
        (WORK_ORDER, "cancel", {"completed", "approved", "closed", "cancelled"}),
        (WORK_ORDER, "reopen", {"draft", "open", "scheduled", "in_progress", "on_hold", "closed", "cancelled"}),
        (WORK_ORDER, "approve", {"open", "in_progress", "on_hold", "cancelled"}),
        (WORK_ORDER, "close", {"open", "in_progress", "completed", "cancelled"}),
        (VISIT, "cancel", {"on_site", "paused", "done"}),
        (VISIT, "decline", {"accepted", "travelling", "on_site", "paused", "done"}),
        (VISIT, "finish", {"declined", "cancelled", "done"}),
        (DEVICE, "revoke", {"revoked"}),
    ],
)
def test_a_move_does_not_follow_what_makes_it_impossible(lifecycle: Lifecycle, move: str, statuses: set[str]) -> None:
    assert lifecycle.moves[move].legal_from & statuses == set()


@pytest.mark.parametrize(
    ("lifecycle", "life"),
    [
        (WORK_ORDER, ["draft", "open", "in_progress", "completed"]),
        (VISIT, ["planned", "dispatched", "accepted", "travelling", "on_site", "done"]),
    ],
)
def test_a_technician_who_skips_a_step_forward_is_not_stopped(lifecycle: Lifecycle, life: list[str]) -> None:
    # What leads to a later step of the work may follow every earlier one, as long as the office has not ended the job.
    last = max(
        (move for move in lifecycle.moves.values() if move.leads_to == life[-1]), key=lambda move: len(move.legal_from)
    )
    assert set(life[:-1]) <= last.legal_from


@pytest.mark.parametrize("name", LIFECYCLES)
def test_every_status_is_reached_and_there_is_one_beginning(name: str) -> None:
    lifecycle = LIFECYCLES[name]
    (beginning,) = (move for move in lifecycle.moves.values() if not move.legal_from)
    reached = {beginning.leads_to}
    while True:
        found = reached | {move.leads_to for move in lifecycle.moves.values() if move.legal_from & reached}
        if found == reached:
            break
        reached = found
    assert reached == set(lifecycle.statuses)
    assert beginning.leads_to == lifecycle.statuses[0]
    assert beginning.rank == 0


def _shown(lifecycle: Lifecycle, *moves: str) -> str:
    return lifecycle.moves[max(moves, key=lambda name: lifecycle.moves[name].rank)].leads_to


@pytest.mark.parametrize(
    ("lifecycle", "moves", "shown", "asked"),
    [
        (WORK_ORDER, ("cancel", "start"), "in_progress", True),
        (WORK_ORDER, ("cancel", "complete"), "completed", True),
        (WORK_ORDER, ("hold", "complete"), "completed", False),
        (WORK_ORDER, ("complete", "complete"), "completed", False),  # outcomes that differ ask on their own
        (WORK_ORDER, ("approve", "reopen"), "open", True),
        (WORK_ORDER, ("close", "complete"), "closed", True),
        (WORK_ORDER, ("schedule", "unschedule"), "open", False),
        (VISIT, ("cancel", "arrive"), "on_site", True),
        (VISIT, ("cancel", "finish"), "done", True),
        (VISIT, ("decline", "arrive"), "on_site", True),
        (VISIT, ("dispatch", "travel"), "travelling", False),
    ],
)
def test_concurrent_moves_converge_to_what_happened_and_ask_where_the_office_meant_otherwise(
    lifecycle: Lifecycle, moves: tuple[str, str], shown: str, asked: bool
) -> None:
    assert _shown(lifecycle, *moves) == shown
    assert (frozenset(moves) in lifecycle.asks) is asked


def test_facts_about_the_world_outrank_plans() -> None:
    ranks = [VISIT.moves[name].rank for name in ("plan", "dispatch", "cancel", "arrive", "finish")]
    assert all(one < other for one, other in pairwise(ranks))


def test_any_late_event_is_brought_up_once_a_job_is_closed() -> None:
    assert [name for name, move in WORK_ORDER.moves.items() if move.contested_by_any] == ["close"]


def test_a_reassignment_of_somebody_on_the_way_is_asked_about() -> None:
    clash = CLASHES["visit"]
    assert (clash.field, clash.status) == ("assignee_id", "status")
    assert {"travel", "arrive", "finish"} <= clash.moves
    assert not {"plan", "dispatch", "accept"} & clash.moves


def test_a_table_that_contradicts_itself_is_no_lifecycle() -> None:
    begin = Move(leads_to="open", legal_from=frozenset(), rank=0)
    wrong: list[dict[str, Move]] = [
        {"open": begin, "shut": Move(leads_to="shut", legal_from=frozenset({"open"}), rank=0)},
        {"open": begin, "lose": Move(leads_to="lost", legal_from=frozenset({"open"}), rank=1)},
        {"open": begin, "shut": Move(leads_to="shut", legal_from=frozenset({"ajar"}), rank=1)},
    ]
    for moves in wrong:
        with pytest.raises(AssertionError):
            Lifecycle(statuses=("open", "shut"), moves=moves, asks=frozenset())
    with pytest.raises(AssertionError):
        Lifecycle(statuses=("open",), moves={"open": begin}, asks=frozenset({frozenset({"open", "shut"})}))
