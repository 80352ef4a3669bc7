"""The receiver that the how-to shows: it runs, and takes what our server sends and nothing else."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
import pytest

from commands.webhooks import Message, Webhook, message_of, ping
from infra.webhook_secrets import WebhookSecrets
from tests.devices import NOON
from tests.infra.event_logs import event

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "how-to" / "receive-webhooks.md"
SECRETS: Final = WebhookSecrets(b"s" * 32)
TENANT: Final = "01900000-0000-7000-8000-00000000c001"
WEBHOOK: Final = Webhook(
    webhook="01900000-0000-7000-8000-00000000c002",
    owner="01900000-0000-7000-8000-00000000c003",
    name="ERP",
    url="https://erp.example.com/",
    facts=("*",),
    state="active",
    reason=None,
    version=1,
    position=0,
    failures=0,
    next_at_ms=0,
    just_buried=False,
    generation=1,
    overlap_until_ms=0,
    key=SECRETS.name,
    created_at_ms=0,
)
START_S_MAX: Final = 60.0


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    (shown,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    script = tmp_path / "receiver.py"
    script.write_text(shown)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    secret = SECRETS.secret(TENANT, WEBHOOK.webhook, 1).shared
    environment = {**os.environ, "WEBHOOK_SECRET": secret, "PORT": str(port)}
    with subprocess.Popen(
        [sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            _until_it_listens(port)
            yield f"http://127.0.0.1:{port}/", process
        finally:
            process.kill()


def _until_it_listens(port: int) -> None:
    give_up = time.monotonic() + START_S_MAX
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        else:
            return


def send(url: str, message: Message, *, late_s: int = 0, generation: int = 1, overlap: bool = False) -> int:
    now_ms = time.time_ns() // 1_000_000 - late_s * 1_000
    until_ms = now_ms + 60_000 if overlap else 0
    webhook = replace(WEBHOOK, generation=generation, overlap_until_ms=until_ms)
    headers = dict(SECRETS.headers(TENANT, webhook, message, now_ms=now_ms))
    return httpx.post(url, content=message.body, headers=headers, trust_env=False, timeout=START_S_MAX).status_code


def test_the_receiver_of_the_how_to_takes_what_is_ours_and_acts_once(
    receiver: tuple[str, "subprocess.Popen[str]"],
) -> None:
    url, process = receiver
    first, second = (message_of(event(n, entity_type="visit", type="VisitFinished")) for n in (7, 8))
    assert send(url, first) == 204
    assert send(url, first) == 204, "a second time, and it is not acted on"
    assert send(url, first._replace(body=first.body.replace(b"visit", b"vicit"))) == 204, "its id is known"
    assert send(url, second, late_s=400) == 401
    assert send(url, second, generation=2) == 401
    assert send(url, second, generation=2, overlap=True) == 204
    assert send(url, ping("01900000-0000-7000-8000-00000000c004", now_ms=NOON)) == 204
    forged = httpx.post(url, content=b"{}", headers=_forged(), trust_env=False, timeout=START_S_MAX)
    assert forged.status_code == 401
    process.kill()
    assert process.stdout
    assert process.stdout.read().split("\n") == [
        *("visit.VisitFinished 7", "visit.VisitFinished 8", "webhook.ping None", ""),
    ]


def _forged() -> dict[str, str]:
    signature = "v1,bm9uc2Vuc2U= v1a,bm9uc2Vuc2U="
    return {"webhook-id": "evt_1", "webhook-timestamp": str(int(time.time())), "webhook-signature": signature}


def test_the_receiver_is_short() -> None:
    (shown,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len([line for line in shown.splitlines() if line.strip()]) <= 24
