"""The causal graph of one entity: which of its events were written in the knowledge of which. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sync.chronicle import Step
from sync.knowledge import Knowledge
from sync.merge import Dot
from sync.vector_clock import VectorClock, covers


class Node(NamedTuple):
    """One event."""

    step: Step
    causes: Sequence[Dot]
    """The newest events that its author knew of: everything else that they knew of is behind these."""
    concurrent: Sequence[Dot]
    """The events whose authors did not know of this one, and this one's author not of them."""

    @property
    def dot(self) -> Dot:
        """The name of the event."""
        return self.step.row.replica, self.step.row.seq


class CausalGraph(NamedTuple):
    """The events of an entity, by version, and the replicas that wrote them, in the order in which they came."""

    lanes: Sequence[str]
    nodes: Sequence[Node]


def causal_graph(steps: Iterable[Step]) -> CausalGraph:
    """The graph of these steps of an entity, from its first on; quadratic in their number."""
    known = Knowledge()
    knew: dict[Dot, VectorClock] = {}
    nodes: list[Node] = []
    for step in steps:
        event = step.event
        seen = known.of(event)
        beside = [dot for dot in knew if not covers(seen, *dot)]
        nodes.append(Node(step, _newest(known.newest_seen(seen), knew), beside))
        known.add(event, seen)
        knew[event.replica, event.seq] = seen
    return CausalGraph([*dict.fromkeys(node.dot[0] for node in nodes)], _both_ways(nodes))


def _newest(seen: Sequence[Dot], knew: dict[Dot, VectorClock]) -> list[Dot]:
    """Without those that another of them knew of."""
    return sorted(dot for dot in seen if not any(other != dot and covers(knew[other], *dot) for other in seen))


def _both_ways(nodes: Sequence[Node]) -> list[Node]:
    """An event that came later cannot have been known, so both of a pair are concurrent where the later is."""
    beside: dict[Dot, list[Dot]] = {node.dot: [*node.concurrent] for node in nodes}
    for node in nodes:
        for dot in node.concurrent:
            beside[dot].append(node.dot)
    return [node._replace(concurrent=sorted(beside[node.dot])) for node in nodes]
