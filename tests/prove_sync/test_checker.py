"""The checker accepts what may happen and rejects what must not, for the reason that it is wrong."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from cairnfield.prove_sync.check import PROMISES, faults
from cairnfield.prove_sync.history import Op, Recorder, read_history
from tests.prove_sync.bad_histories import BAD, Bad
from tests.prove_sync.good_histories import GOOD


@pytest.mark.parametrize("tell", GOOD.values(), ids=GOOD.keys())
def test_a_good_history_has_no_fault(tell: Callable[[], list[Op]]) -> None:
    assert faults(tell()) == []


@pytest.mark.parametrize("bad", BAD, ids=[f"{each.invariant} {each.wrong}" for each in BAD])
def test_a_bad_history_breaks_the_promise_that_it_breaks(bad: Bad) -> None:
    assert bad.invariant in {fault.invariant for fault in faults(bad.history())}


def test_there_are_enough_bad_histories_and_none_is_told_twice() -> None:
    assert len({each.wrong for each in BAD}) == len(BAD) >= 40
    told = Counter(each.invariant for each in BAD)
    assert all(told[invariant] >= 2 for invariant in PROMISES)


def test_a_history_is_read_as_it_was_told_and_a_line_that_a_kill_cut_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with Recorder(path, "ada") as ada, Recorder(path, "ben") as ben:
        ada.note("invoke", "push", ids=["e1"])
        with path.open("ab") as killed:
            killed.write(b'\n{"process":"ada","type":"o')
        ben.note("ok", "push", head=1)
    lines = path.read_bytes().split(b"\n")
    assert [(op.process, op.type, op.value) for op in read_history(lines)] == [
        ("ada", "invoke", {"ids": ["e1"]}),
        ("ben", "ok", {"head": 1}),
    ]
