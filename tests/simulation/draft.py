"""A plan in the making: a cluster of drawn size, drawn instants, steps that mend themselves."""

from __future__ import annotations

import random

from tests.simulation.plan import Bounds, Plan, Step
from workers.failover.core.definitions import Definitions, Knobs, Node, Topology, Vip

GATEWAY = "198.18.0.1"
MOST_BESIDE_NODES = 49
"""More VIPs than this have a subnet of their own: those of later definitions begin at .150."""


class Draft:
    """Draws everything from the class and the seed."""

    def __init__(
        self,
        name: str,
        seed: int,
        bounds: Bounds,
        *,
        nodes: tuple[int, int] = (2, 4),
        clients: int = 1,
        knobs: Knobs | None = None,
        vips: tuple[int, int] = (1, 0),
    ) -> None:
        self.rng = random.Random(f"{name}/{seed}/plan")
        count = 3 if nodes[0] <= 3 <= nodes[1] and self.chance(0.5) else self.rng.randint(*nodes)
        self.names = [f"mta{i}" for i in range(1, count + 1)]
        many = self.rng.randint(vips[0], vips[1] or 2 * count)
        subnet = "198.18.0" if many <= MOST_BESIDE_NODES else "198.18.1"
        self.vips = [f"{subnet}.{100 + i}" for i in range(1, many + 1)]
        self.clients = tuple(f"client{i}" for i in range(1, clients + 1))
        definitions = Definitions(
            cluster="sim",
            subcluster="default",
            revision=1,
            knobs=knobs or Knobs(),
            topologies=(Topology("198.18.0.0/23", "eth0", (GATEWAY,)),),
            nodes={n: Node(n, f"198.18.0.{10 + i}") for i, n in enumerate(self.names, 1)},
            vips={v: self._vip(v) for v in self.vips},
        )
        starts = {n: self.rng.random() * 0.15 for n in self.names}
        self.plan = Plan(
            name, seed, definitions, bounds, clients=self.clients, judged=self.clients,
            starts=starts,
        )  # fmt: skip
        self.at = 2.2 + self.rng.random()
        """The instant of the first fault."""

    def _vip(self, address: str) -> Vip:
        if self.chance(0.25):
            return Vip(address, prefer=tuple(self.rng.sample(self.names, 1)))
        return Vip(address)

    # -- drawing

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return self.rng.random() < share

    def between(self, low: float, high: float) -> float:
        """A number from this range, milliseconds apart."""
        return round(self.rng.uniform(low, high), 3)

    def pick(self) -> str:
        """A node."""
        return self.rng.choice(self.names)

    def some(self, least: int = 1, most: int | None = None) -> list[str]:
        """Some nodes."""
        return sorted(self.rng.sample(self.names, self.rng.randint(least, most or len(self.names))))

    def some_in_order(self, least: int, most: int, but: str = "") -> list[str]:
        """Some nodes, as they come."""
        names = self.others(but)
        return self.rng.sample(names, min(self.rng.randint(least, most), len(names)))

    def others(self, *names: str) -> list[str]:
        """The other nodes."""
        return [n for n in self.names if n not in names]

    # -- writing

    def step(self, at: float, kind: str, *arguments: object) -> None:
        """Add a step."""
        self.plan.steps.append(Step(round(at, 4), kind, arguments))

    def fault(self, at: float, seconds: float, kind: str, mended: str, *arguments: object) -> None:
        """Add a fault and its mending by the same arguments."""
        self.step(at, kind, *arguments)
        self.step(at + seconds, mended, *arguments)

    def finish(self, rest: float = 5.0) -> Plan:
        """The plan, ending `rest` seconds after its last step."""
        self.plan.steps.sort(key=lambda step: step.at)
        last = self.plan.steps[-1].at if self.plan.steps else self.at
        self.plan.ends = last + rest
        return self.plan
