"""A subcluster that is deployed by hand, and nodes that report by rows as the listener does.

Time is turned, a second at a turn: nodes obey what `deployments` says of them, then the driver has
its turn.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cluster_admin.audit.actor import Actor
from cluster_admin.configs import deploying, deployments, rollout_driver, rollouts
from cluster_admin.configs.models import Replica
from cluster_admin.configs.packs import head_of
from cluster_admin.configs.rollout_models import Rollout
from cluster_admin.configs.rollouts import Wish
from cluster_admin.configs.store import repository
from cluster_admin.inventory.models import Node, Subcluster
from cluster_admin.vips.models import VipStatus
from tests.web import config_seeding
from tests.web.seeding import Seeded
from workers.config.core.rollout_values import ENDS, Phase, Settings

OLGA = Actor("olga", via="api")
QUICK = Settings(pause_seconds=3, apply_seconds=20, drain_seconds=20)


class Stage:
    """`old` is deployed, `new` waits to be."""

    def __init__(self, nodes: int = 3) -> None:
        self.seeded: Seeded = config_seeding.defined(nodes)
        self.old = config_seeding.commit({config_seeding.TRANSPORT: "a.test :\n"}).number
        self.new = config_seeding.commit({config_seeding.TRANSPORT: "b.test :\n"}).number
        deploying.deploy(OLGA, self.subcluster, revision=self.old)
        self.now = datetime.now(UTC)
        self.outcomes: dict[str, str] = {}
        """Node -> what comes of `new` there, where it is not well."""
        self.silent: set[str] = set()
        self.had: dict[str, list[int]] = {node.name: [] for node in self.seeded.nodes}
        self.refused: list[str] = []
        for node in self.seeded.nodes:
            config_seeding.stand(node.name, self.old, wanted=self.old, ago=0)

    @property
    def subcluster(self) -> Subcluster:
        """Its row, as it is now."""
        return Subcluster.objects.get(name="default")

    def start(self, **options: Any) -> Rollout:
        """Start a rollout of `new`."""
        wish = Wish(options.pop("revision", self.new), settings=options.pop("settings", QUICK))
        wish = Wish(**{**_fields(wish), **options})
        return rollouts.start(OLGA, self.subcluster, wish, reason="because", now=self.now)

    def turn(self, drive: Callable[..., list[str]] = rollout_driver.drive) -> None:
        """A second passes: nodes work, the driver looks."""
        self.now += timedelta(seconds=1)
        self.work()
        self.refused = drive(self.now, deaf=False)

    def run(self, turns: int = 120) -> Rollout:
        """Turn until it ends or is paused, at most so often."""
        for _ in range(turns):
            row = Rollout.objects.get()
            if Phase(row.phase) in ENDS or row.phase == Phase.PAUSED:
                break
            self.turn()
        return Rollout.objects.get()

    def until(self, node: str, stage: str) -> None:
        """Turn until a node is at a stage."""
        for _ in range(120):
            if self.stages()[node] == stage:
                return
            self.turn()
        raise AssertionError(f"{node} is never {stage}: {self.stages()}")

    def stages(self) -> dict[str, str]:
        """Where all stand."""
        state = Rollout.objects.get().value()
        return {name: node.stage.value for name, node in sorted(state.nodes.items())}

    def live(self) -> dict[str, int]:
        """What each node runs."""
        return dict(Replica.objects.order_by("node").values_list("node", "live"))

    def work(self) -> None:
        """Every node does what it is told, and tells how it stands."""
        targets = deployments.targets(Node.objects.all(), head_of(repository()))
        for node in Node.objects.all():
            if node.admin_state == Node.Admin.DRAINING:
                others = Node.objects.exclude(name=node.name).filter(admin_state="enabled")
                heir = others.values_list("name", flat=True).first() or node.name
                VipStatus.objects.filter(owner=node.name).update(owner=heir, holders=[heir])
            if node.name in self.silent:
                continue
            row = Replica.objects.get(node=node.name)
            Replica.objects.filter(pk=row.pk).update(heard_at=self.now)
            if targets[node.name].revision not in (0, row.target):
                self._apply(row, targets[node.name].revision)

    def _apply(self, row: Replica, target: int) -> None:
        self.had[row.node].append(target)
        outcome = self.outcomes.get(row.node, "applied") if target == self.new else "applied"
        live = target if outcome == "applied" else row.live
        Replica.objects.filter(pk=row.pk).update(target=target, live=live)
        config_seeding.applied(row.node, target, outcome, live=live, sentence=f"it {outcome}")


def _fields(wish: Wish) -> dict[str, Any]:
    return {name: getattr(wish, name) for name in ("revision", "canary", "batch", "settings")}
