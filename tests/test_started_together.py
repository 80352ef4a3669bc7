"""Servers that start at the same moment on one empty database make one company of it, and all of them start."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from cairnfield.login import Login
from cairnfield.up import prepare
from cairnfield.wiring import open_accounts
from infra.postgres.pool import open_pool
from infra.settings import from_environment

SERVERS: Final = 4


def test_servers_that_start_together_make_one_company_with_one_login_each(database: str, tmp_path: Path) -> None:
    start = threading.Barrier(SERVERS)

    def started(number: int) -> list[Login]:
        data = tmp_path / f"{number}"
        data.mkdir()
        settings = from_environment({"CAIRN_DATA": str(data)}, home=data)
        start.wait()
        return [*prepare(database, settings, with_demo=True)]

    with ThreadPoolExecutor(SERVERS) as servers:
        found = list(servers.map(started, range(SERVERS)))
    with open_pool(database, size=1) as pool:
        assert len(open_accounts(pool).tenants()) == 1
    assert len({tuple(sorted((each.person, each.role) for each in logins)) for logins in found}) == 1
