"""What a collector answers, and when it asks again for what is missing.

A segment is known by `key`: subcluster, node and the segment's name, so that two nodes made from
one disk image do not pass for each other. Invariant: what a collector holds of memory about gaps is
bounded, and a gap is asked for until it is closed, or given up long after nobody answered.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from workers.logs.core.messages import POSITIONS_MAX, Kept, Shipment, Want

FIRST_SECONDS = 1.0
"""So long after it was asked for, what is missing is asked for again; then twice as long."""
PATIENCE_SECONDS = 3_600.0
GAPS_MAX = 10_000


def key(shipment: Shipment) -> str:
    """What a collector calls the segment of a shipment."""
    return f"{shipment.subcluster}/{shipment.node}/{shipment.segment}"


def dropped_line(count: int) -> bytes:
    """What stands in a file where a node gave up `count` bytes."""
    return b"muster: %d bytes of this log were dropped here: the node's backlog was full\n" % count


def told(subscriber: str, positions: Iterable[tuple[str, int]]) -> Iterator[Kept]:
    """Say to each node what is kept of its segments, in as many messages as it takes."""
    by_node: dict[tuple[str, str], dict[str, int]] = {}
    for one, position in positions:
        subcluster, node, segment = one.split("/")
        by_node.setdefault((subcluster, node), {})[segment] = position
    for (subcluster, node), segments in by_node.items():
        pairs = tuple(segments.items())
        for start in range(0, len(pairs), POSITIONS_MAX):
            some = pairs[start : start + POSITIONS_MAX]
            yield Kept(subscriber, subcluster, node, some)


@dataclass(slots=True)
class _Gap:
    want: Want
    since: float
    again: float
    pause: float = FIRST_SECONDS


class Gaps:
    """What is missing and was asked for. Mutable; times are seconds of a clock that never jumps."""

    def __init__(self) -> None:
        self._gaps: dict[str, _Gap] = {}

    def __len__(self) -> int:
        return len(self._gaps)

    def found(self, segment: str, want: Want, now: float) -> bool:
        """There is a gap; whether to ask now: not when the same was asked a moment ago."""
        gap = self._gaps.get(segment)
        if gap is not None and gap.want.position == want.position:
            return False
        self._gaps.pop(segment, None)
        self._gaps[segment] = _Gap(want, now, now + FIRST_SECONDS)
        if len(self._gaps) > GAPS_MAX:
            del self._gaps[next(iter(self._gaps))]
        return True

    def moved(self, segment: str) -> None:
        """It goes on: what was missing has come."""
        self._gaps.pop(segment, None)

    def due(self, now: float) -> list[Want]:
        """What is to be asked for again now."""
        for segment in [s for s, gap in self._gaps.items() if now - gap.since > PATIENCE_SECONDS]:
            del self._gaps[segment]
        wants = []
        for gap in self._gaps.values():
            if gap.again <= now:
                gap.pause *= 2
                gap.again = now + gap.pause
                wants.append(gap.want)
        return wants
