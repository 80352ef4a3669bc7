"""A disk changes a bit without a word: the database notices, and so does the check where it was told not to."""

from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from infra.ed25519 import verify
from infra.postgres.cluster import Cluster
from infra.postgres.embedded import INITDB_OPTIONS, SETTINGS
from infra.postgres.log_verifier import CONNECTIONS, LogVerifier, Verified
from infra.postgres.migrate import upgrade
from infra.postgres.place import find_place
from infra.postgres.pool import open_pool
from infra.postgres.proof_shelf import PostgresProofShelf
from infra.postgres.roles import AUDITOR, PROJECTOR
from sync.log import Changes
from tests.infra.event_logs import event, events, in_postgres
from tests.infra.proving import Proven

TOUCHED: Final = 123
MARK: Final = b'{"kept":"on this disk"}'


def checked(dsn: str, proven: Proven) -> Verified:
    with open_pool(dsn, size=CONNECTIONS, role=AUDITOR) as pool:
        return LogVerifier(pool, proven.signer.publics(), verify).verify(proven.tenant)


def spoil(data: Path, files: list[str]) -> None:
    """Flip a bit of the marked event's body, in whichever file of the table it lies."""
    for each in files:
        raw = bytearray((data / each).read_bytes())
        place = raw.find(MARK)
        if place >= 0:
            raw[place + 12] ^= 1
            (data / each).write_bytes(bytes(raw))
            return
    raise AssertionError("the event is on the disk")


def test_f7_a_page_that_rots_on_the_disk_is_found(open_folder: Path, tmp_path: Path) -> None:
    place = find_place(open_folder, may_move=False)
    settings = {**SETTINGS, "shared_buffers": "16MB"}
    server = Cluster(
        binaries=place.binaries, data=place.data, user=place.user, settings=settings, initdb_options=INITDB_OPTIONS
    )
    server.create()
    try:
        dsn = server.dsn(server.start())
        upgrade(dsn, allow_unsafe=True)
        with open_pool(dsn, size=1) as pool, open_pool(dsn, size=1, role=PROJECTOR) as projecting:
            proven = Proven(in_postgres(pool, dsn).new(), PostgresProofShelf(projecting), tmp_path)
            proven.grow(TOUCHED - 1)
            proven.office.store(Changes(events=[event(TOUCHED, body=MARK), *events(77, after=TOUCHED)]))
            proven.sign()
        assert checked(dsn, proven) == Verified(200, 200, 1, None)
        with psycopg.connect(dsn, autocommit=True) as owner:
            paths = owner.execute("select pg_relation_filepath(relid) from pg_partition_tree('event') where isleaf")
            files = [path for (path,) in paths.fetchall()]
            (checksums,) = owner.execute("show data_checksums").fetchone() or ("off",)
            (name,) = owner.execute("select current_database()").fetchone() or ("",)
        server.stop()
        spoil(place.data, files)
        dsn = server.dsn(server.start())
        if checksums == "on":
            finding = checked(dsn, proven).finding
            assert finding is not None
            assert (finding.first <= TOUCHED <= finding.last, "invalid page" in finding.text) == (True, True), finding
        with psycopg.connect(dsn, autocommit=True) as owner:
            owner.execute(sql.SQL("alter database {} set ignore_checksum_failure = on").format(sql.Identifier(name)))
        finding = checked(dsn, proven).finding
        assert finding is not None
        assert finding[:3] == ("event", TOUCHED, TOUCHED)
    finally:
        server.stop()
