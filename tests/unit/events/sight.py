"""A picture of three nodes and their VIPs, and short ways to tell it things."""

from collections.abc import Iterable

from cluster_admin.events.fitness import Terms
from cluster_admin.events.node_views import NodeView
from cluster_admin.events.ownership import VipView
from cluster_admin.events.picture import Changes, Picture
from workers.failover.core.claims import BUCKETS, digest_of
from workers.failover.core.reports import Happening, Holding, Holdings, Report, Run, Trouble

A, B, C = "mta1", "mta2", "mta3"
V, W = "198.18.0.101", "198.18.0.102"


class Sight:
    """The picture, and what each node last said."""

    def __init__(self, *nodes: str, vips: tuple[str, ...] = (V, W), at: float = 0.0) -> None:
        self.picture = Picture(at)
        self.nodes = nodes or (A, B, C)
        self.vips: dict[str, VipView] = {}
        self.verdicts: dict[str, str] = {}
        self.states: dict[str, str] = {}
        self.held: dict[str, dict[str, int]] = {node: {} for node in self.nodes}
        self.numbers: dict[str, int] = dict.fromkeys(self.nodes, 0)
        self.sequences: dict[str, int] = dict.fromkeys(self.nodes, 0)
        self.picture.define(
            {node: NodeView() for node in self.nodes}, {vip: VipView() for vip in vips}, at
        )

    def define(self, terms: Terms, at: float) -> None:
        """The same nodes and VIPs with other definitions."""
        views = self.picture.views()
        self.picture.define(views.nodes, views.vips, at, terms)

    def report(self, node: str, at: float, *, full: bool = True, **values: object) -> bool:
        """A report of `node`, and what it holds: by default it finds all others alive."""
        held = self.held[node]
        if full:
            self.hold(node, at)
        self.sequences[node] += 1
        peers = tuple((other, "alive") for other in self.nodes if other != node)
        usual: dict[str, object] = {
            "incarnation": 1,
            "runs": (Run(1, 1, self.numbers[node]),),
            "state": "ready",
            "revision": 1,
            "known_revision": 1,
            "peers": peers,
            "held_digest": digest_of(held),
        }
        report = Report(
            node=node,
            sequence=self.sequences[node],
            started_at="",
            **{**usual, **values},  # type: ignore[arg-type]
        )
        return self.picture.report(report, at)

    def hold(self, node: str, at: float, buckets: Iterable[int] = range(BUCKETS)) -> None:
        """What `node` holds."""
        self.sequences[node] += 1
        held = tuple(Holding(vip, epoch, 1.0) for vip, epoch in self.held[node].items())
        self.picture.hold(
            Holdings(
                node=node,
                sequence=self.sequences[node],
                started_at="",
                buckets=tuple(buckets),
                held=held,
            ),
            at,
        )

    def happen(self, teller: str, at: float, kind: str, **values: object) -> None:
        """An event of the teller's first run."""
        self.numbers[teller] += 1
        one = Happening(self.numbers[teller], "", kind, **values)  # type: ignore[arg-type]
        self.picture.happening(teller, 1, one, at)

    def take(self, node: str, at: float, vip: str, epoch: int) -> None:
        """`node` takes a VIP and tells of it at once."""
        self.held[node][vip] = epoch
        self.happen(node, at, "taken", vip=vip, epoch=epoch, reason="its owner died")

    def release(self, node: str, at: float, vip: str) -> None:
        """`node` lets a VIP go and tells of it at once."""
        epoch = self.held[node].pop(vip)
        self.happen(node, at, "released", vip=vip, epoch=epoch)

    def settle(self, at: float) -> Changes:
        """Settle, and remember what is shown."""
        changes = self.picture.settle(at)
        self.vips.update(changes.vips)
        self.verdicts.update({name: view.verdict.value for name, view in changes.nodes.items()})
        self.states.update({vip: view.state.value for vip, view in self.vips.items()})
        return changes

    def all_well(self, at: float = 0.0) -> None:
        """Everybody reports; A holds V, B holds W."""
        self.held[A], self.held[B] = {V: 1}, {W: 1}
        for node in self.nodes:
            self.report(node, at)
        self.settle(at)


def trouble(vip: str, state: str = "stuck") -> tuple[Trouble, ...]:
    return (Trouble(vip, state, "02:00:00:00:00:01"),)
