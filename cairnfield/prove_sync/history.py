"""What everybody in a run did and was told, one JSON line each, in the order in which it became known.

A line is {"process", "type", "f", "value", "time"}: `type` is `invoke` before a deed and after it `ok`, `fail` (it surely
did not happen) or `info` (nobody knows), `f` names the deed, `time` is milliseconds since 1970. A deed that was never
ended, because its process was killed, counts as `info`.

| f | by | value |
|---|---|---|
| `open` | device | `why` (`started`, `killed`, `rolled_back`, `cloned`), `cursor`, `epoch`, `outbox`, `quarantined` (ids), `person` whose grants limit it, or null |
| `write` | device | `id`, `hash`, `replica`, `seq` of an own event |
| `fork` | device | `renamed`: [[id, replica, seq, hash]] |
| `push` | device | `ids`; answered `epoch`, `head`, `batch`, `verdicts`: [[id, verdict, position, what was told instead or why it was left out]] |
| `pull` | device | `asked` (cursor); answered `epoch`, `cursor`, `head`, `events`: [[position, id, leaf, entity, version]], `snapshots`: [[entity, version, hash of its state]], `verdicts`, `reasons`: {id: why it was told}, `resume`: whether more of it is to come |
| `apply` | device | `epoch`, `cursor`: the page before it is stored |
| `read` | device | `epoch`, `applied` (hash of what is in), `state_hash`, `shown`: [[own id, whether it is shown]] |
| `rest` | device | the same with `cursor`, `outbox`, `quarantined` |
| `hello` | device | answered `epoch`, `head` |
| `hint` | device | `told`: the head that it was hinted at |
| `check` | device | answered `epoch`, `cursor`, `differing`: the scopes that it holds otherwise than the server |
| `register` | device | `replica`: the server knows it again |
| `decide` | device | `case`, `id`, `verb`, `by` (a person), `owner_id`, `reason`: what its user makes of what was set aside; answered `became`: {`state`, `owner_id`, `settled_by_id`, `resubmitted_as`} of the case |
| `close` | device | it is gone for good |
| `strike`, `heal` | runner | what is done to whom |
| `restore` | runner | `epoch`, `head`: the server came back with this much |
| `mark` | runner | `position`: up to here devices may forget |
| `begin` | runner | everybody is there, and blows may fall |
| `calm` | runner | the faults are over: all is taken back, and servers answer, `up_after_ms` after the last blow began to be taken back |
| `quiet` | runner | everybody is at rest, and the read model holds the whole log |
| `log` | runner | `events`: see `ledger.LogEvent`, `grants` |
| `stored` | runner | `entities`: {id: [version, hash of its state]}, `replicas`: {id: last seq}, `quarantined` (ids), `taken_in` (ids of what was set aside and is accepted after all), `digest` |
| `cases` | runner | `office`: the replica that speaks for the server, `cases`: {case: [id, state, owner]}, `facts`: [[position, case, type, actor, data]] from the log |
| `tables` | runner | `position`: how much of the log the read model holds, `parked` (entities that stand still), `folded` and `held`: {table: {key: {column: value}}}, by hand from the log and as the tables say |
"""  # noqa: E501  # a table

import os
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self

import orjson

Type = Literal["invoke", "ok", "fail", "info"]
RUNNER: Final = "runner"
"""The process that strikes the others and at the end looks into the server."""


class Op(NamedTuple):
    """One line of a history."""

    process: str
    type: Type
    f: str
    value: dict[str, Any]
    time: int


class Recorder:
    """The pen of one process; many processes write into one file, and no lock can be left behind by one that is killed.

    A line is one `write` to a file opened for appending, which the kernel does not mix with others. One that was cut by
    a kill has a line feed before it and before the next, so it spoils nobody else's.
    """

    def __init__(self, path: Path, process: str) -> None:
        self._process = process
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def note(self, kind: Type, f: str, **value: Any) -> None:
        """Add a line."""
        told = {"process": self._process, "type": kind, "f": f, "value": value, "time": time.time_ns() // 1_000_000}
        os.write(self._file, b"\n" + orjson.dumps(told) + b"\n")


def read_history(lines: Iterable[bytes]) -> list[Op]:
    """The lines that are whole."""
    return [Op(**told) for told in map(_whole, lines) if told is not None]


def _whole(line: bytes) -> dict[str, Any] | None:
    try:
        return orjson.loads(line)  # type: ignore[no-any-return]
    except orjson.JSONDecodeError:
        return None
