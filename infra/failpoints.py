"""Named places in the code where a test lets the process die, fail or stand still; for everybody else each is nothing.

`CAIRN_FAILPOINTS="push.locked=sleep:0.2, push.inserted=kill9@3"`: what happens at a place, once, at its third hit, or
at the first where no number is said. A process takes it only beside `CAIRN_TESTING=1`: a server that serves people
refuses to start with it.
"""

import os
import re
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from infra.setting_invalid import SettingInvalid

POINTS: Final[Mapping[str, str]] = {
    "push.received": "the body of a push is read, and nothing of it looked at",
    "push.leading": "a leader is about to store what others handed in beside its own",
    "push.locked": "the tenant's head is locked",
    "push.inserted": "one more kind of row is written: by COPY, or handed to the connection as JSON",
    "push.before_commit": "everything is written and nothing committed",
    "push.committed": "the commit was confirmed",
    "push.led": "a leader has stored what others handed in, and nobody was told",
    "push.answering": "a push is about to be answered",
    "push.mid_response": "half of the answer to a push is sent",
    "webhook.answered": "a receiver has answered, and nobody has noted it",
    "projector.read": "a page of the log is read, and nothing of it taken in",
    "projector.applied": "the rows of a page are written, and how far that is",
    "projector.before_commit": "everything about a page is written and nothing committed",
    "projector.committed": "the commit of a page was confirmed",
    "milestones.before_commit": "milestones are made, and how far the log was gone through, and nothing committed",
    "milestones.committed": "the commit of milestones was confirmed",
    "archive.written": "a file of old events is written, and nobody has looked at it",
    "archive.checked": "the file was found whole, and nothing is moved",
    "archive.before_commit": "the bodies are moved, and nothing committed",
    "archive.committed": "the commit of a move was confirmed",
    "archive.restored": "the bodies are back and nothing committed",
    "pull.read": "a page is read from the log",
    "pull.answering": "a page is about to be sent",
    "pull.mid_response": "half of a page is sent",
}
"""Every failpoint and what has happened when it is hit."""
MODES: Final = ("kill9", "raise", "stop", "sleep:<seconds>")

_SAID: Final = re.compile(
    r"(?P<name>[a-z0-9_.]+)=(?P<mode>kill9|raise|stop|sleep:(?P<s>\d+(\.\d+)?))(@(?P<at>[1-9]\d*))?"
)


class FailedOnPurpose(RuntimeError):
    """What a failpoint in the mode `raise` raises."""


@dataclass(slots=True)
class _Deed:
    """What happens at a failpoint, once, when `hits_left` comes to nothing."""

    mode: str
    sleep_s: float
    hits_left: int


_armed: Final[dict[str, _Deed]] = {}
_lock: Final = threading.Lock()


def hit(name: str) -> None:
    """Pass a failpoint: without CAIRN_FAILPOINTS the look into an empty dictionary is all there is to it."""
    if _armed:
        _reached(name)


def is_armed() -> bool:
    """Whether any failpoint may do anything in this process."""
    return bool(_armed)


def arm(environment: Mapping[str, str]) -> None:
    """Take CAIRN_FAILPOINTS from the environment, in place of what was taken before.

    Raises SettingInvalid for a name or a mode that is not known, and where CAIRN_TESTING is not 1.
    """
    said = environment.get("CAIRN_FAILPOINTS", "")
    if said and environment.get("CAIRN_TESTING") != "1":
        _refuse(said, "It makes a server fail on purpose, for tests alone: unset it, or say CAIRN_TESTING=1 as well.")
    deeds = dict(_read(each.strip(), said) for each in said.split(",")) if said else {}
    with _lock:
        _armed.clear()
        _armed.update(deeds)


def _read(each: str, said: str) -> tuple[str, _Deed]:
    parts = _SAID.fullmatch(each)
    if parts is None:
        _refuse(said, f"Write name=mode or name=mode@hit; the modes are {', '.join(MODES)}.")
    if parts["name"] not in POINTS:
        _refuse(said, f"The failpoints are {', '.join(POINTS)}.")
    return parts["name"], _Deed(parts["mode"], float(parts["s"] or 0), int(parts["at"] or 1))


def _refuse(said: str, remedy: str) -> NoReturn:
    raise SettingInvalid("CAIRN_FAILPOINTS", said, remedy)


def _reached(name: str) -> None:
    assert name in POINTS, f"{name} is not among the failpoints"
    with _lock:
        deed = _armed.get(name)
        if deed is None:
            return
        deed.hits_left -= 1
        is_due = deed.hits_left == 0
    if is_due:
        _do(deed, name)


def _do(deed: _Deed, name: str) -> None:
    match deed.mode:
        case "kill9":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "raise":
            raise FailedOnPurpose(name)
        case _:
            time.sleep(deed.sleep_s)
