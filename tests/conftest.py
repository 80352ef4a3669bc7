"""The PostgreSQL servers that tests run on, and a fresh, migrated database on each of them."""

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from cairnfield.develop import SERVER_MIN, server_binaries
from infra.postgres.cluster import Cluster, SystemUser
from infra.postgres.embedded import embedded
from infra.postgres.migrate import upgrade
from infra.postgres.place import own_account

_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestServer:
    """A server that tests may make databases on: `dsn` signs in as their owner, `template` is a migrated database."""

    __test__ = False

    dsn: str
    template: str

    @contextmanager
    def database(self, *, migrated: bool = True, copy_of: str | None = None) -> Generator[str]:
        """A new database, gone after the block: a copy of one, or of the template unless it is not to be migrated."""
        name = f"cairn_test_{os.getpid()}_{next(_numbers)}"
        template = copy_of or (self.template if migrated else "template0")
        with psycopg.connect(self.dsn, autocommit=True) as owner:
            owner.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
            try:
                yield make_conninfo(self.dsn, dbname=name)
            finally:
                owner.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder with a short path, which root's server can walk to, as it cannot to pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="cairn-test-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[TestServer]:
    """The embedded PostgreSQL 18, as `cairn up` starts it."""
    with _session_folder() as folder, embedded(folder / "embedded") as server, _prepared(server.dsn) as prepared:
        yield prepared


@pytest.fixture(scope="session")
def installed_server() -> Iterator[TestServer]:
    """A server of the oldest version that is supported: CAIRN_TEST_DATABASE_URL, or a cluster of installed binaries."""
    given = os.environ.get("CAIRN_TEST_DATABASE_URL")
    if given:
        with _prepared(given) as prepared:
            yield prepared
        return
    binaries = server_binaries()
    if binaries is None:
        missing(
            f"no PostgreSQL {SERVER_MIN} or newer is installed (Debian: apt-get install postgresql-15) "
            "and CAIRN_TEST_DATABASE_URL is not set"
        )
    with _session_folder() as folder:
        cluster = Cluster(
            binaries=binaries,
            data=folder / "server",
            user=own_account() if os.geteuid() == 0 else None,
            settings={"timezone": "UTC"},
            initdb_options=("--locale=C.UTF-8",),
        )
        cluster.create()
        try:
            with _prepared(cluster.dsn(cluster.start())) as prepared:
                yield prepared
        finally:
            cluster.stop()


@pytest.fixture(params=["embedded", "installed"])
def server(request: pytest.FixtureRequest) -> TestServer:
    """Each of the servers in turn."""
    found = request.getfixturevalue(f"{request.param}_server")
    assert isinstance(found, TestServer)
    return found


@pytest.fixture
def database(server: TestServer) -> Iterator[str]:
    """A new, migrated, empty database on each of the servers in turn, as the DSN of its owner."""
    with server.database() as dsn:
        yield dsn


@pytest.fixture
def unmigrated_database(server: TestServer) -> Iterator[str]:
    """A new database without any of our tables, on each of the servers in turn, as the DSN of its owner."""
    with server.database(migrated=False) as dsn:
        yield dsn


@pytest.fixture
def embedded_database(embedded_server: TestServer) -> Iterator[str]:
    """A new, migrated, empty database on the embedded server only, as the DSN of its owner."""
    with embedded_server.database() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def embedded_dsn(embedded_server: TestServer) -> str:
    """The embedded server itself, as the DSN of its superuser."""
    return embedded_server.dsn


@pytest.fixture(scope="session")
def server_dsn(installed_server: TestServer) -> str:
    """The installed server itself, as the DSN of a user who may make databases."""
    return installed_server.dsn


@pytest.fixture(scope="session")
def plain_user() -> SystemUser | None:
    """Whom to become to be a plain user: None when we are one already."""
    return own_account() if os.geteuid() == 0 else None


def missing(what: str) -> NoReturn:
    """Where everything is to be tested, a missing service is a failure; elsewhere a reason to skip."""
    if os.environ.get("CI") == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@contextmanager
def _session_folder() -> Generator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cairn-test-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _prepared(dsn: str) -> Generator[TestServer]:
    """A server with a migrated template: a copy of it costs a tenth of migrating anew."""
    template = f"cairn_template_{os.getpid()}"
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(template)))
    try:
        upgrade(make_conninfo(dsn, dbname=template))
        yield TestServer(dsn=dsn, template=template)
    finally:
        with psycopg.connect(dsn, autocommit=True) as owner:
            owner.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(template)))
