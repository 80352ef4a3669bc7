"""A failpoint does what it is told, once, and only in a process that says that it is under test."""

import ast
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from infra import failpoints
from infra.setting_invalid import SettingInvalid

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("api", "infra", "cairnfield")


@pytest.fixture(autouse=True)
def unarmed() -> Iterator[None]:
    yield
    failpoints.arm({})


def armed(said: str) -> Mapping[str, str]:
    return {"CAIRN_FAILPOINTS": said, "CAIRN_TESTING": "1"}


@pytest.mark.parametrize("environment", [{}, {"CAIRN_FAILPOINTS": ""}, {"CAIRN_TESTING": "1"}])
def test_nothing_happens_where_nothing_was_said(environment: Mapping[str, str]) -> None:
    failpoints.arm(environment)
    assert not failpoints.is_armed()
    for name in failpoints.POINTS:
        failpoints.hit(name)


def test_a_server_that_serves_people_refuses_to_start() -> None:
    with pytest.raises(SettingInvalid, match="unset it, or say CAIRN_TESTING=1 as well"):
        failpoints.arm({"CAIRN_FAILPOINTS": "push.locked=raise"})
    assert not failpoints.is_armed()


def test_cairn_up_says_so_in_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cairnfield", "up", "--port", "0", "--data", str(tmp_path)]
    environment = {**os.environ, "CAIRN_FAILPOINTS": "push.locked=kill9", "CAIRN_TESTING": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    (sentence,) = done.stderr.splitlines()
    assert (done.returncode, sentence.startswith("cairn: CAIRN_FAILPOINTS is ")) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("said", ["push.lokced=raise", "push.locked=raise,pull.nowhere=stop"])
def test_a_name_that_is_not_known_is_answered_with_those_that_are(said: str) -> None:
    with pytest.raises(SettingInvalid) as refused:
        failpoints.arm(armed(said))
    assert all(name in refused.value.remedy for name in failpoints.POINTS)


@pytest.mark.parametrize(
    "said",
    [
        "push.locked",
        "push.locked=die",
        "push.locked=sleep",
        "push.locked=sleep:x",
        "push.locked=raise@0",
        "=raise",
        ",",
    ],
)
def test_a_mode_that_is_not_known_is_answered_with_those_that_are(said: str) -> None:
    with pytest.raises(SettingInvalid) as refused:
        failpoints.arm(armed(said))
    assert all(mode in refused.value.remedy for mode in failpoints.MODES)


def test_what_is_refused_leaves_what_was_armed() -> None:
    failpoints.arm(armed("push.locked=raise"))
    with pytest.raises(SettingInvalid):
        failpoints.arm(armed("push.nowhere=raise"))
    with pytest.raises(failpoints.FailedOnPurpose):
        failpoints.hit("push.locked")


def test_it_happens_at_the_hit_that_was_said_and_once() -> None:
    failpoints.arm(armed("push.inserted=raise@3, push.locked=raise"))
    failpoints.hit("push.inserted")
    failpoints.hit("push.inserted")
    with pytest.raises(failpoints.FailedOnPurpose, match=r"push\.inserted"):
        failpoints.hit("push.inserted")
    failpoints.hit("push.inserted")
    with pytest.raises(failpoints.FailedOnPurpose, match=r"push\.locked"):
        failpoints.hit("push.locked")
    failpoints.hit("push.locked")


def test_whoever_sleeps_goes_on() -> None:
    failpoints.arm(armed("push.locked=sleep:0.05"))
    before = time.monotonic()
    failpoints.hit("push.locked")
    assert time.monotonic() - before >= 0.05


HITTING = "import os; from infra import failpoints as f; f.arm(os.environ); f.hit('push.locked'); print('went on')"


def hitting(mode: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, **armed(f"push.locked={mode}")}
    return subprocess.Popen([sys.executable, "-c", HITTING], cwd=ROOT, env=environment, stdout=subprocess.PIPE)


def test_whoever_is_killed_does_nothing_more() -> None:
    with hitting("kill9") as process:
        assert process.communicate(timeout=60)[0] == b""
        assert process.returncode == -signal.SIGKILL


def test_whoever_is_stopped_goes_on_when_told_to() -> None:
    with hitting("stop") as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=60)[0] == b"went on\n"


def test_every_failpoint_is_in_the_code_and_the_code_has_no_other() -> None:
    said = {
        node.value
        for folder in SOURCES
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "failpoints.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.fullmatch(
            r"(push|pull|hello|live|projector|milestones|archive)\.[a-z0-9_]+|webhook\.answered", node.value
        )
    }
    assert said == set(failpoints.POINTS)


def test_a_name_that_is_not_declared_is_a_bug_wherever_any_is_armed() -> None:
    failpoints.arm(armed("push.locked=raise"))
    with pytest.raises(AssertionError, match=r"push\.nowhere"):
        failpoints.hit("push.nowhere")
