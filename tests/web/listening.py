"""A ledger on the test's database, and nodes that tell it things without a bus."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cluster_admin.audit.actor import Actor
from cluster_admin.events.ledger import Arrival, Ledger, Outcome
from cluster_admin.events.moments import Moment
from cluster_admin.inventory import services
from cluster_admin.inventory.models import Node, Subcluster, Topology
from cluster_admin.vips.models import Vip
from workers.failover.core.claims import BUCKETS, digest_of
from workers.failover.core.reports import Events, Happening, Holding, Holdings, Message, Report, Run

KEY = b"0" * 32
NODES = ("mta1", "mta2", "mta3")
BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SUBCLUSTER = "default"


def make_subcluster(vips: int = 2, nodes: tuple[str, ...] = NODES) -> Subcluster:
    """Nodes and VIPs, as definitions."""
    made = Subcluster.objects.create(name=SUBCLUSTER)
    with services.change(made, Actor("tester"), "first"):
        Topology.objects.create(subcluster=made, cidr="198.18.0.0/16", interface="eth0")
        for number, name in enumerate(nodes, 1):
            Node.objects.create(subcluster=made, name=name, address=f"198.18.0.{number}")
        for number in range(vips):
            Vip(subcluster=made, address=vip(number)).save()
    return made


def vip(number: int) -> str:
    """Address of a VIP."""
    return f"198.18.{1 + number // 250}.{1 + number % 250}"


@dataclass
class Bus:
    """What the listener's loop does, by hand; `seconds` pass when they are told to."""

    ledger: Ledger = field(default_factory=lambda: Ledger("demo", [KEY]))
    seconds: float = 0.0
    writing: bool = True
    sequence: int = 0
    held: dict[str, dict[str, int]] = field(default_factory=lambda: {node: {} for node in NODES})
    told: dict[str, list[Happening]] = field(default_factory=lambda: {node: [] for node in NODES})

    @property
    def now(self) -> Moment:
        return Moment(self.seconds, BEGAN + timedelta(seconds=self.seconds))

    def work(self, *messages: Message, user: str = "", after: float = 0.01) -> Outcome:
        """A batch, each message from its own node unless another user is named.

        What a node holds is told before its report, in as many words.
        """
        self.seconds += after
        codec = self.ledger.codec(SUBCLUSTER)
        arrivals = [
            Arrival(SUBCLUSTER, codec.encode(one), user or getattr(one, "node", ""), self.seconds)
            for one in self._with_holdings(messages)
        ]
        return self.ledger.work(arrivals, self.writing, self.now)

    def report(self, node: str, **values: object) -> Report:
        """A node's report."""
        self.sequence += 2
        held = self.held[node]
        usual: dict[str, object] = {
            "incarnation": 1,
            "runs": (Run(1, 1, len(self.told[node])),),
            "state": "ready",
            "revision": 1,
            "known_revision": 1,
            "peers": tuple((other, "alive") for other in NODES if other != node),
            "held_digest": digest_of(held),
        }
        values = {**usual, **values}
        return Report(node=node, sequence=self.sequence, started_at="", **values)  # type: ignore[arg-type]

    def holdings(self, node: str, **values: object) -> Holdings:
        """All that a node holds, as it tells just before its newest report."""
        usual: dict[str, object] = {
            "sequence": self.sequence - 1,
            "buckets": tuple(range(BUCKETS)),
            "held": tuple(Holding(one, epoch, 60.0) for one, epoch in self.held[node].items()),
        }
        return Holdings(node=node, started_at="", **{**usual, **values})  # type: ignore[arg-type]

    def _with_holdings(self, messages: Iterable[Message]) -> Iterator[Message]:
        for message in messages:
            if isinstance(message, Report) and message.node in self.held:
                yield self.holdings(message.node, sequence=message.sequence - 1)
            yield message

    def happen(self, teller: str, kind: str = "late", times: int = 1, **values: object) -> Events:
        """Something happens at a node; what it tells of it."""
        told = self.told[teller]
        time = self.now.time.isoformat()
        for number in range(len(told) + 1, len(told) + times + 1):
            told.append(Happening(number, time, kind, **values))  # type: ignore[arg-type]
        return Events(node=teller, incarnation=1, events=tuple(told[-times:]))

    def all_well(self) -> None:
        """Every node reports; the first two hold a VIP each."""
        self.held["mta1"], self.held["mta2"] = {vip(0): 1}, {vip(1): 1}
        self.work(*(self.report(node) for node in NODES))
