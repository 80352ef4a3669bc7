"""S6: a server whose settings are not safe does not start; each is tried."""

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from cairnfield.unsafe import Unsafe, check_safe
from cairnfield.wiring import bearers
from domain.people import Role
from infra.setting_invalid import SettingInvalid
from infra.settings import from_environment

PUBLIC = {"CAIRN_HOST": "0.0.0.0"}
BEHIND = {"CAIRN_BEHIND_TLS": "1", "CAIRN_TRUSTED_PROXIES": "10.0.0.7"}
SAFE = {**PUBLIC, **BEHIND}

REFUSED_WHEN_READ = [
    ({"CAIRN_CORS_ORIGINS": "*"}, "Any site could read"),
    ({"CAIRN_CORS_ORIGINS": "https://*.example.com"}, "Any site could read"),
    ({"CAIRN_CORS_ORIGINS": "null"}, "Any site could read"),
    ({"CAIRN_CORS_ORIGINS": "http://console.example.com"}, "Serve it by https"),
    ({"CAIRN_CORS_ORIGINS": "https://console.example.com/"}, "exactly as browsers send them"),
    ({"CAIRN_CORS_ORIGINS": "https://Console.example.com"}, "exactly as browsers send them"),
    ({"CAIRN_CORS_ORIGINS": "console.example.com"}, "exactly as browsers send them"),
    ({"CAIRN_ORIGIN": "http://field.example.com"}, "https only"),
    ({"CAIRN_TRUSTED_PROXIES": "0.0.0.0/0"}, "Anybody could say to be anybody else"),
    ({"CAIRN_TRUSTED_PROXIES": "::/0"}, "Anybody could say to be anybody else"),
    ({"CAIRN_TRUSTED_PROXIES": "*"}, "List the addresses"),
    ({"CAIRN_RATE_LIMITS": "none"}, "name=amount/seconds"),
    ({"CAIRN_RATE_LIMITS": "account=0/60"}, "name=amount/seconds"),
    ({"CAIRN_RATE_LIMITS": "acount=5/60"}, "There is none of that name"),
    ({"CAIRN_PROCESSES": "0"}, "from 1 to 1000"),
    ({"CAIRN_BEHIND_TLS": "yes"}, "Set 1, or leave it unset"),
    ({"CAIRN_REDIS_URL": "http://user:hunter2@redis"}, "rediss://"),
]

UNSAFE_TOGETHER = [
    (PUBLIC, "tokens would pass in the clear"),
    ({"CAIRN_HOST": "::"}, "tokens would pass in the clear"),
    ({"CAIRN_HOST": "192.0.2.7"}, "tokens would pass in the clear"),
    ({"CAIRN_BEHIND_TLS": "1"}, "CAIRN_TRUSTED_PROXIES names none"),
    ({**SAFE, "CAIRN_RATE_LIMITS": "off"}, "try passwords without end"),
    ({**SAFE, "CAIRN_WEBHOOKS_ALLOW_LOCAL": "1"}, "this machine's own network"),
    ({**BEHIND, "CAIRN_RATE_LIMITS": "off"}, "try passwords without end"),
    ({"CAIRN_PROCESSES": "2"}, "Set DATABASE_URL"),
]


@pytest.mark.parametrize(("environment", "reason"), REFUSED_WHEN_READ)
def test_s6_what_is_unsafe_by_itself_is_refused_when_it_is_read(environment: dict[str, str], reason: str) -> None:
    with pytest.raises(SettingInvalid, match=reason) as refused:
        from_environment(environment)
    assert refused.value.variable == next(iter(environment))
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(("environment", "reason"), UNSAFE_TOGETHER)
def test_s6_what_is_unsafe_together_is_refused_before_anything_starts(environment: dict[str, str], reason: str) -> None:
    with pytest.raises(Unsafe, match=reason):
        check_safe(from_environment(environment), with_demo=False)


@pytest.mark.parametrize("environment", [SAFE, BEHIND])
def test_s6_the_demo_is_not_shown_to_others(environment: dict[str, str]) -> None:
    with pytest.raises(Unsafe, match="passwords that everybody knows"):
        check_safe(from_environment(environment), with_demo=True)


@pytest.mark.parametrize("environment", [{}, SAFE, {"CAIRN_HOST": "localhost"}, {"CAIRN_HOST": "::1"}, BEHIND])
def test_what_is_safe_is_served(environment: dict[str, str]) -> None:
    settings = from_environment(environment)
    check_safe(settings, with_demo=not settings.is_reached_by_others)
    assert bearers(settings) == ({"integration"} if settings.is_reached_by_others else set(get_args(Role)))


def test_every_reason_is_told_at_once() -> None:
    with pytest.raises(Unsafe) as refused:
        check_safe(from_environment({**PUBLIC, "CAIRN_RATE_LIMITS": "off"}), with_demo=True)
    assert len(str(refused.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("environment", "options", "status", "reason"),
    [
        ({"CAIRN_CORS_ORIGINS": "*"}, [], 2, "CAIRN_CORS_ORIGINS is '*'"),
        ({}, ["--host", "0.0.0.0"], 1, "tokens would pass in the clear"),
        ({"CAIRN_FAILPOINTS": "push.locked=kill9"}, [], 2, "CAIRN_FAILPOINTS"),
        ({**BEHIND, "CAIRN_FAILPOINTS": "push.locked=kill9", "CAIRN_TESTING": "1"},
         ["--host", "0.0.0.0", "--no-demo"], 1, "fail on purpose"),
    ],
)  # fmt: skip
def test_s6_the_command_says_why_and_starts_nothing(
    tmp_path: Path, environment: dict[str, str], options: list[str], status: int, reason: str
) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "cairnfield", "up", "--port", "0", "--data", str(data), *options]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == status, done.stderr
    assert reason in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not data.exists()
