"""A device whose process is killed in the middle of edits and syncs: its file opens, and nothing told is lost."""

import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Final

from infra.device_file import DeviceFile
from infra.sync_client import open_device
from sync import state_codec
from sync.device import digest
from tests.api.serving import served_office

LIVES: Final = 5
EDITS_PER_LIFE_MAX: Final = 40
SEED: Final = 1

WORKER: Final = """
import sys
from random import Random
from infra.http_client import OfflineError
from infra.sync_client import new_id, open_device

path, url, token, seed = sys.argv[1:]
dice = Random(seed)
with open_device(path, url, token, name="Somebody unlucky") as device:
    print("open", flush=True)
    while True:
        sites = [*device.entities("site")]
        if len(sites) < 3:
            data = {"customer_id": new_id(), "name": "Mill"}
            event = device.edit("site", new_id(), "Created", data)
        else:
            event = device.edit("site", dice.choice(sites), "Edited", {"directions": str(dice.random())})
        print(event.id, flush=True)
        if dice.random() < 0.4:
            device.sync()
"""


def test_killed_again_and_again_it_loses_and_doubles_nothing(tmp_path: Path) -> None:
    path, dice, told = tmp_path / "device.db", Random(SEED), list[str]()
    with served_office() as (office, _, port):
        url, token = f"http://127.0.0.1:{port}", office.tokens["dispatcher"]
        for life in range(LIVES):
            told += live(path, url, token, f"{SEED}/{life}", kill_after=dice.randint(1, EDITS_PER_LIFE_MAX))
            with DeviceFile(path) as file:
                device = file.load()
            assert device is not None
            assert not set(told) - {*device.outbox, *device.kept}, "what was told is in the file"
        with open_device(path, url, token) as again:
            standing = again.sync()
            assert (standing.unsent, standing.waiting, standing.quarantined) == (0, 0, 0)
            rows = office.log.page(office.tenant, after=0, limit=100_000)
            stored = [row.id for row in rows]
            assert len(set(stored)) == len(stored)
            assert set(told) <= set(stored)
            assert len(stored) - len(told) <= LIVES, "at most what was being told when a life ended"
            assert {row.replica for row in rows} == {again.device.author.replica}, "nothing looked like a clone"
            assert digest(again.device) == state_codec.state_hash(office.log.states(office.tenant))
    assert len(told) > LIVES


def live(path: Path, url: str, token: str, seed: str, *, kill_after: int) -> list[str]:
    """The ids of the events that it said it had written, until it was killed."""
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(path), url, token, seed], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    said = [worker.stdout.readline().strip() for _ in range(kill_after + 1)]
    worker.kill()
    said += worker.communicate()[0].split()  # what it still managed to say, a torn last word among it
    assert said[0] == "open"
    return [word for word in said[1:] if len(word) == len("01900000-0000-7000-8000-000000000000")]
