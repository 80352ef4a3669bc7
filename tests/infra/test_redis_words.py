"""A proof counts once, whichever process it is shown to, for as long as Redis can be asked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from redis import Redis

from api.problem import Problem
from api.proof import FRESH_MS, Proofs
from infra.redis_words import RedisWords
from tests.devices import NOON
from tests.infra.test_rate_limits import redis_server

PROOF: Final = ("the thumbprint of a key", "the jti of a proof")
OTHER: Final = ("the thumbprint of another key", "the jti of a proof")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with redis_server(tmp_path_factory.mktemp("redis")) as port:
        yield port


@pytest.fixture
def processes(port: int) -> Iterator[list[Proofs]]:
    """Two processes of one installation."""
    with Redis(port=port) as client:
        client.flushall()
    words = [RedisWords(f"redis://127.0.0.1:{port}/0") for _ in range(2)]
    yield [Proofs(each) for each in words]
    for each in words:
        each.close()


def test_a_proof_that_one_process_took_is_refused_by_the_others(processes: list[Proofs]) -> None:
    one, other = processes
    one.take(PROOF, NOON)
    for each in (one, other):
        with pytest.raises(Problem, match="used before"):
            each.take(PROOF, NOON)
    other.take(OTHER, NOON)


def test_redis_forgets_a_proof_when_it_is_too_old_to_be_taken(processes: list[Proofs], port: int) -> None:
    processes[0].take(PROOF, NOON)
    with Redis(port=port) as client:
        (key,) = client.keys("cairn:used:*")
        assert FRESH_MS < int(client.pttl(key)) <= 2 * FRESH_MS
        assert b"jti" not in key, "nothing that was sent is kept"


def test_processes_without_redis_take_a_proof_once_each(tmp_path: Path) -> None:
    with redis_server(tmp_path) as port:
        words = RedisWords(f"redis://127.0.0.1:{port}/0")
    one, other = Proofs(words), Proofs()
    for each in (one, other):
        each.take(PROOF, NOON)
        with pytest.raises(Problem, match="used before"):
            each.take(PROOF, NOON)
    words.close()
