"""How fast a log is checked, beside reading the same rows and doing nothing with them; how large and how quick proofs
are."""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import orjson
import psycopg

from bench.full_log import fill
from bench.push import pushed_per_s
from bench.server import Server, served
from cairnfield.wiring import now_ms
from infra.checkpoint_signer import CheckpointSigner
from infra.ed25519 import verify
from infra.keyring import FileKeyring
from infra.postgres.log_verifier import CONNECTIONS, LogVerifier
from infra.postgres.pool import open_pool
from infra.postgres.proof_shelf import PostgresProofShelf
from infra.postgres.roles import AUDITOR, PROJECTOR
from infra.tree_keeper import TreeKeeper
from sync.checkpoint import read_key
from sync.merkle import HASH_BYTES, inclusion_proof
from sync.tiles import nodes_over

TEMPLATE: Final = 20_000
TURNS: Final = 3
PROOFS: Final = 200
_READ: Final = "copy (select body from event where tenant = %s order by position) to stdout (format binary)"


def figures(*, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """The figures of this bench."""
    with served({"CAIRN_BACKGROUND": "none"}) as server:
        return figures_of(server, quick=quick, say=say)


def figures_of(server: Server, *, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """The same over a server that signs nothing by itself: what follows the log is measured here, with its keys."""
    events = 200_000 if quick else 1_000_000
    say("filling the log")
    pushed_per_s(server, events=TEMPLATE, batch=500)
    fill(server.dsn, server.tenant, events=events)
    keys = server.data / "keys"
    signer = CheckpointSigner(FileKeyring(keys, now_ms=now_ms), keys)
    with (
        open_pool(server.dsn, size=1, role=PROJECTOR) as projecting,
        open_pool(server.dsn, size=CONNECTIONS, role=AUDITOR) as reading,
    ):
        shelf = PostgresProofShelf(projecting)
        with psycopg.connect(server.dsn, autocommit=True) as owner:  # tiles and checkpoints of before it was filled
            owner.execute("delete from log_tile where tenant = %s", [server.tenant])
            owner.execute("delete from log_checkpoint where tenant = %s", [server.tenant])
        say("tiles")
        keeper = TreeKeeper(shelf, signer, now_ms=now_ms)
        size = shelf.anchor(server.tenant).position
        tiled_s = _best_s(partial(keeper.keep_up, server.tenant, at_once=True), turns=1)
        say("checking every event")
        verifier = LogVerifier(reading, _publics(server), verify)
        found = verifier.verify(server.tenant)
        assert (found.events, found.finding) == (size, None), found
        verify_s = _best_s(partial(verifier.verify, server.tenant))
        say("the limit: COPY of the same rows")
        read_s = _best_s(partial(_read_all, server))
        say("proofs")
        proofs, took_ms = _proofs(shelf, server.tenant, size)
    return {
        "verify_events_per_s": size / verify_s,
        "verify_ratio_to_copy": read_s / verify_s,
        "tile_events_per_s": size / tiled_s,
        "proof_bytes": float(max(proofs)),
        "proof_ms": statistics.median(took_ms),
    }


def _publics(server: Server) -> list[bytes]:
    """The keys that the server says sign its logs."""
    told = orjson.loads(server.connect().get("/v1/proof/keys"))
    return [read_key(each).public for each in told["keys"]]


def _best_s(what: Callable[[], object], *, turns: int = TURNS) -> float:
    """Seconds, of several turns the best: the others say who else was using the machine."""
    took: list[float] = []
    for _ in range(turns):
        began = time.perf_counter()
        what()
        took.append(time.perf_counter() - began)
    return min(took)


def _read_all(server: Server) -> None:
    with psycopg.connect(server.dsn) as connection, connection.cursor().copy(_READ, [server.tenant]) as stream:
        while stream.read():
            pass


def _proofs(shelf: PostgresProofShelf, tenant: str, size: int) -> tuple[list[int], list[float]]:
    """The bytes and the milliseconds of proofs of events all over the log."""
    sizes: list[int] = []
    took_ms: list[float] = []
    for number in range(PROOFS):
        began = time.perf_counter()
        proof = inclusion_proof(number * size // PROOFS, size, nodes_over(partial(shelf.tile, tenant)))
        took_ms.append(1_000 * (time.perf_counter() - began))
        sizes.append(HASH_BYTES * len(proof))
    return sizes, took_ms
