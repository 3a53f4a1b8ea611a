"""The bench `replication`: what nodes count together, how late, at which cost, and how exactly.

Rows of the policy server stand beside Debian's policy servers and one that asks Redis: they are
`replication_policy`'s. All nodes and a private broker share this machine.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench import (
    replication_keys,
    replication_ledger,
    replication_load,
    replication_overshoot,
    replication_policy,
)
from bench.options import Options, Teller
from bench.replication_nodes import broker_at
from bench.report import Row
from tests.integration.brokers import RunningBroker


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much of each thing is measured."""

    load_seconds: float = 30.0
    overshoot_seconds: float = 130.0
    keys: int = replication_keys.KEYS
    kills: int = 16
    parted_seconds: float = 60.0
    policy_seconds: float = 10.0


QUICK = Counts(
    load_seconds=8.0, overshoot_seconds=25.0, kills=5, parted_seconds=12.0, policy_seconds=3.0
)
Part = Callable[[Path, RunningBroker], Iterator[Row]]


class ReplicationBench:
    """The bench at work; rows can be asked for at any time."""

    def __init__(self, options: Options, tell: Teller) -> None:
        self._options = options
        self._counts = QUICK if options.quick else Counts()
        self._tell = tell
        self._rows: list[Row] = []

    def measure(self) -> None:
        """Measure part after part."""
        seed = secrets.randbits(32)
        self._tell(f"seed {seed}")
        with TemporaryDirectory(prefix="muster-bench-") as directory:
            place = Path(directory)
            wanted = [part for names, part in self._parts(seed) if self._asks(names)]
            if not wanted:
                return
            with broker_at(place / "broker") as broker:
                for number, part in enumerate(wanted):
                    self._take(part(place / f"part{number}", broker))

    def rows(self) -> list[Row]:
        """What was measured so far."""
        return [one for one in self._rows if self._options.asks(one.name)]

    def _parts(self, seed: int) -> list[tuple[Sequence[str], Part]]:
        counts, tell = self._counts, self._tell
        return [
            (
                replication_policy.ROWS,
                lambda place, _broker: replication_policy.rows(
                    place, counts.policy_seconds, seed, tell
                ),
            ),
            (
                replication_load.ROWS,
                lambda place, broker: replication_load.rows(
                    place, broker, counts.load_seconds, seed
                ),
            ),
            (
                replication_overshoot.ROWS,
                lambda place, broker: replication_overshoot.rows(
                    place, broker, counts.overshoot_seconds
                ),
            ),
            (
                replication_keys.ROWS,
                lambda place, broker: replication_keys.rows(place, broker, counts.keys, seed),
            ),
            (
                replication_ledger.ROWS,
                lambda place, broker: replication_ledger.rows(
                    place, broker, counts.kills, counts.parted_seconds, seed, tell
                ),
            ),
        ]

    def _take(self, found: Iterable[Row]) -> None:
        for one in found:
            self._rows.append(one)
            self._tell(f"{one.name}: {one.value}")

    def _asks(self, names: Iterable[str]) -> bool:
        return any(map(self._options.asks, names))
