"""When each device wakes, has a signal, loses an answer: a seeded schedule, pure and the same for the same seed."""

from dataclasses import dataclass
from random import Random
from typing import Final, Literal

Role = Literal["dispatcher", "supervisor", "technician"]

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
PREPARING_MS: Final = 10 * MINUTE
"""Before anybody wakes: longer than the drift within which a clock follows what is there already."""
SUPERVISED_FROM: Final = 4
LOST_ANSWERS: Final = 0.04
RESTORED_AT: Final = 0.5
"""Part of the day after which one phone is restored from a backup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePlan:
    """One device's day; times are milliseconds after the start."""

    role: Role
    offline: tuple[tuple[int, int], ...]
    """Spans without a signal."""
    wakes: tuple[int, ...]

    def is_online(self, ms: int) -> bool:
        return not any(start <= ms < end for start, end in self.offline)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everybody's day."""

    seed: int
    hours: int
    devices: tuple[DevicePlan, ...]

    @property
    def wakes(self) -> list[tuple[int, int]]:
        """(milliseconds, device) of every waking, in order, no two at the same moment."""
        return sorted((ms, number) for number, device in enumerate(self.devices) for ms in device.wakes)

    @property
    def end_ms(self) -> int:
        return PREPARING_MS + self.hours * HOUR


def plan(*, seed: int, devices: int, hours: int) -> Plan:
    """The first device is a dispatcher's, among four or more the second is a supervisor's, the rest technicians'."""
    return Plan(
        seed=seed, hours=hours, devices=tuple(_device(seed, number, devices, hours) for number in range(devices))
    )


def _device(seed: int, number: int, devices: int, hours: int) -> DevicePlan:
    random = Random(f"{seed}/schedule/{number}")  # noqa: S311  # to be repeated, not to be secret
    role: Role = "technician"
    if number == 0:
        role = "dispatcher"
    elif number == 1 and devices >= SUPERVISED_FROM:
        role = "supervisor"
    end = PREPARING_MS + hours * HOUR
    # The remainder by the number of devices is the device's own, so that no two stamps of a run are equal.
    wakes = tuple(
        ms - ms % devices + number for ms in _spaced(random, end, *((4, 14) if role == "dispatcher" else (5, 20)))
    )
    offline = () if role == "dispatcher" else _dead_zones(random, end)
    return DevicePlan(role=role, offline=offline, wakes=wakes)


def _spaced(random: Random, end: int, shortest: int, longest: int) -> list[int]:
    at, found = PREPARING_MS, list[int]()
    while (at := at + random.randint(shortest * MINUTE, longest * MINUTE)) < end:
        found.append(at)
    return found


def _dead_zones(random: Random, end: int) -> tuple[tuple[int, int], ...]:
    at, found = PREPARING_MS, list[tuple[int, int]]()
    while at < end:
        start = at + random.randint(5 * MINUTE, 70 * MINUTE)
        at = start + random.randint(10 * MINUTE, 120 * MINUTE)
        found.append((start, at))
    return tuple(found)
