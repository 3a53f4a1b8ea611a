"""A scripted reporter: speaks the nodes' side of the protocol with managers, from a made-up agent.

Its agent's events are kept in memory, as many runs as there were; the bus is a real one. Everything
runs on the caller's loop.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from tests.integration.brokers import CLUSTER, SUBCLUSTER
from workers.bus.codec import Codec
from workers.bus.connection import Connection
from workers.bus.exchanges import control_room, events_exchange
from workers.failover.core.claims import BUCKETS, digest_of
from workers.failover.core.reports import (
    EVENTS_MAX,
    Ask,
    Events,
    Happening,
    Holding,
    Holdings,
    Message,
    Report,
    Run,
)

REPORT_SECONDS = 1.0
ANSWER_EVENTS = 1_000
"""Of one ask, as the real reporter does."""


class ScriptedReporter:
    """One node's reporter and agent."""

    def __init__(self, node: str, brokers: Sequence[str], key: bytes, first_run: int = 1) -> None:
        self.node = node
        self.runs: dict[int, list[Happening]] = {first_run: []}
        self.held: dict[str, Holding] = {}
        self.peers: dict[str, str] = {}
        self.known_revision = 1
        self.answers = True
        self.asks: list[Ask] = []
        self._started_at = datetime.now(UTC).isoformat()
        self._sequence = 0
        self._codec: Codec[Message] = Codec(CLUSTER, SUBCLUSTER, [key], Message)
        self._connection = Connection(
            brokers,
            control_room(CLUSTER, SUBCLUSTER),
            self._heard,
            self._changed,
            speak=events_exchange(CLUSTER, SUBCLUSTER),
        )
        self._reporting: asyncio.Task[None] | None = None

    @property
    def incarnation(self) -> int:
        """Of the run of now."""
        return max(self.runs)

    def open(self) -> None:
        """Begin to report."""
        self._connection.open()
        self._reporting = asyncio.create_task(self._report_on())

    async def close(self) -> None:
        """Say nothing more."""
        if self._reporting is not None:
            self._reporting.cancel()
        await self._connection.close()

    def restart_agent(self) -> None:
        """A new run begins."""
        self.runs[self.incarnation + 1] = []

    def happen(self, kind: str, times: int = 1, **values: str | int) -> None:
        """Events of the run of now, published as they happen; lost while no broker listens."""
        run = self.runs[self.incarnation]
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        for number in range(len(run) + 1, len(run) + times + 1):
            detail = f"{self.node}/{self.incarnation}/{number}"
            run.append(Happening(number, now, kind, **{"detail": detail} | values))  # type: ignore[arg-type]
        self._tell(self.incarnation, run[-times:])

    def report(self, *, full: bool = True) -> None:
        """Publish a report now."""
        if full:
            self._hold()
        self._sequence += 1
        held = {one.vip: one.epoch for one in self.held.values()}
        runs = tuple(Run(inc, 1, len(events)) for inc, events in sorted(self.runs.items()))
        report = Report(
            node=self.node,
            answers=self.answers,
            sequence=self._sequence,
            started_at=self._started_at,
            incarnation=self.incarnation,
            runs=runs,
            state="ready",
            revision=self.known_revision,
            known_revision=self.known_revision,
            members=(self.node, *self.peers),
            agreed=True,
            mature=True,
            peers=tuple(self.peers.items()),
            held_count=len(held),
            held_digest=digest_of(held),
        )
        self._connection.publish(self._codec.encode(report))

    def _hold(self) -> None:
        self._sequence += 1
        message = Holdings(
            node=self.node,
            sequence=self._sequence,
            started_at=self._started_at,
            buckets=tuple(range(BUCKETS)),
            held=tuple(self.held.values()),
        )
        self._connection.publish(self._codec.encode(message))

    def _tell(self, incarnation: int, events: Sequence[Happening]) -> None:
        for start in range(0, len(events), EVENTS_MAX):
            part = tuple(events[start : start + EVENTS_MAX])
            message = Events(node=self.node, incarnation=incarnation, events=part)
            self._connection.publish(self._codec.encode(message))

    def _heard(self, body: bytes, user: str) -> None:
        ask = self._codec.decode(body)
        if not isinstance(ask, Ask) or ask.to not in ("", self.node):
            return
        self.asks.append(ask)
        if ask.incarnation:
            events = self.runs.get(ask.incarnation, [])
            self._tell(ask.incarnation, events[ask.after : ask.after + ANSWER_EVENTS])
        else:
            self.report()

    def _changed(self, up: bool, sentence: str) -> None:
        if up:
            asyncio.get_running_loop().call_soon(self.report)

    async def _report_on(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            self.report(full=False)
