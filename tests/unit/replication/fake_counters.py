"""Counters of one node alone, as plain as can be: what limits are tried on."""

from dataclasses import dataclass, field

FOREVER = float("inf")


@dataclass(slots=True, eq=False)
class FakeWindow:
    """Events with their times; `others` is what peers count."""

    span: float
    events: list[tuple[float, int]] = field(default_factory=list)
    others: int = 0
    total: int = 0
    own: int = 0
    rolls_at: float = FOREVER
    is_cold: bool = False

    def roll(self, now: float) -> None:
        self.events = [(at, n) for at, n in self.events if at + self.span > now]
        self.own = sum(n for _, n in self.events)
        self.total = self.own + self.others
        self.rolls_at = min((at + self.span for at, _ in self.events), default=FOREVER)

    def add(self, n: int, now: float) -> None:
        self.events.append((now, n))
        self.roll(now)


@dataclass(slots=True, eq=False)
class FakeGauge:
    """A number; `others` is what peers have."""

    others: int = 0
    own: int = 0

    @property
    def total(self) -> int:
        return self.own + self.others

    def add(self, n: int) -> None:
        self.own = max(0, self.own + n)


class FakeCounters:
    """Makes each of them once."""

    def __init__(self) -> None:
        self.made: dict[tuple[str, str, float], FakeWindow] = {}
        self.gauges: dict[tuple[str, str], FakeGauge] = {}

    def window(self, table: str, key: str, span: float) -> FakeWindow:
        return self.made.setdefault((table, key, span), FakeWindow(span))

    def gauge(self, table: str, key: str) -> FakeGauge:
        return self.gauges.setdefault((table, key), FakeGauge())

    def counted(self) -> dict[str, int]:
        """What this node counted, where it is anything."""
        found = {key: one.own for (_, key, _), one in self.made.items()}
        found |= {f"{table}:{key}": one.own for (table, key), one in self.gauges.items()}
        return {key: value for key, value in found.items() if value}
