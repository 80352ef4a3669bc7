"""Who was erased is known beside the database, whatever backup that came from."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.erasure_list import ErasureList, ErasureListUnreadable
from tests.devices import NOON

HARBOUR, HILL = "01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000002"


def test_each_tenant_has_a_list_of_its_own_that_outlives_the_process(tmp_path: Path) -> None:
    ErasureList(tmp_path).add(HARBOUR, "ada", NOON)
    assert ErasureList(tmp_path).of(HARBOUR) == {"ada": NOON}
    assert ErasureList(tmp_path).of(HILL) == {}


def test_of_two_erasures_of_one_person_the_later_counts(tmp_path: Path) -> None:
    listed = ErasureList(tmp_path)
    for until_ms in (NOON, NOON + 5, NOON + 2):
        listed.add(HARBOUR, "ada", until_ms)
    assert listed.of(HARBOUR) == {"ada": NOON + 5}


def test_who_is_added_by_several_at_once_is_in_it(tmp_path: Path) -> None:
    people = [f"person {number}" for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        for added in [threads.submit(ErasureList(tmp_path).add, HARBOUR, each, NOON) for each in people]:
            added.result()
    assert sorted(ErasureList(tmp_path).of(HARBOUR)) == sorted(people)


def test_a_list_that_is_damaged_is_named_and_not_guessed(tmp_path: Path) -> None:
    listed = ErasureList(tmp_path)
    listed.add(HARBOUR, "ada", NOON)
    path = next(tmp_path.glob("*/*.json"))
    path.write_bytes(path.read_bytes()[:-3])
    for use in (lambda: listed.of(HARBOUR), lambda: listed.add(HARBOUR, "ben", NOON)):
        with pytest.raises(ErasureListUnreadable, match="is damaged"):
            use()
