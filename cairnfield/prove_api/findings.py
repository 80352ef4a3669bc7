"""What came of asking: how much was asked and checked, and what was not as it is described."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from schemathesis.engine import Status, events

_NOTHING_TO_CHAIN: Final = "Missing Open API links"
"""Of the few operations that somebody asks for, none feeds another: they are asked one by one only."""
ANSWER_SHOWN: Final = 400
"""Letters of an answer that are shown with what is wrong about it."""


class Finding(NamedTuple):
    """One answer that is not as described, or a case that could not be made."""

    who: str
    operation: str
    check: str
    message: str
    answer: str
    curl: str


@dataclass
class Findings:
    """Everything that was found, by whoever asked."""

    requests: Counter[str] = field(default_factory=Counter[str])
    """By who asked and in which phase."""
    checks: Counter[str] = field(default_factory=Counter[str])
    statuses: Counter[str] = field(default_factory=Counter[str])
    done: set[str] = field(default_factory=set[str])
    """Operations that somebody succeeded with."""
    operations: frozenset[str] = frozenset()
    """All that there are."""
    found: dict[tuple[str, str, str], Finding] = field(default_factory=dict[tuple[str, str, str], Finding])
    """The first of each kind."""

    @property
    def asked(self) -> int:
        """How many requests there were."""
        return self.requests.total()

    def hear(self, who: str, event: events.EngineEvent) -> None:
        """Count what an engine tells."""
        if isinstance(event, events.ScenarioFinished):
            self._count(who, event)
        elif isinstance(event, events.NonFatalError) and event.info.title != _NOTHING_TO_CHAIN:
            self.keep(Finding(who, event.label, "error", f"{event.info.title}: {event.info.message}", "", ""))
        elif isinstance(event, events.FatalError):
            raise event.exception

    def _count(self, who: str, event: events.ScenarioFinished) -> None:
        recorder: Any = event.recorder
        for case, interaction in recorder.interactions.items():
            self.requests[f"{who} {event.phase.value}"] += 1
            if interaction.response is not None:
                self.statuses[str(interaction.response.status_code)] += 1
                if interaction.response.status_code < 300:
                    self.done.add(recorder.cases[case].value.operation.label)
        for case, checked in recorder.checks.items():
            for each in checked:
                self.checks[each.name] += 1
                if each.status is Status.FAILURE and each.failure_info is not None:
                    info = each.failure_info
                    operation = recorder.cases[case].value.operation.label
                    answer = recorder.interactions[case].response if case in recorder.interactions else None
                    told = f"{answer.status_code} {_shown(answer.content)}" if answer is not None else ""
                    self.keep(Finding(who, operation, each.name, str(info.failure), told, info.code_sample))

    def add(self, others: "Findings") -> None:
        """Take over what somebody else found."""
        self.requests += others.requests
        self.checks += others.checks
        self.statuses += others.statuses
        self.done |= others.done
        for each in others.found.values():
            self.keep(each)

    def keep(self, finding: Finding) -> None:
        """Keep it, unless one of its kind is kept already."""
        self.found.setdefault((finding.operation, finding.check, finding.message.partition("\n\n")[0]), finding)

    def summary(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "requests": self.asked,
            "by": dict(sorted(self.requests.items())),
            "checks": dict(sorted(self.checks.items())),
            "statuses": dict(sorted(self.statuses.items())),
            "done": sorted(self.done),
            "not_done": sorted(self.operations - self.done),
            "findings": [each._asdict() for each in self.found.values()],
            "holds": not self.found,
        }


def _shown(content: bytes) -> str:
    """The beginning of an answer, whatever it is: a file is no text, and a finding must not be lost over that."""
    return content[:ANSWER_SHOWN].decode(errors="backslashreplace")
