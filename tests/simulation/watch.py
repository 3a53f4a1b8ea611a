"""The invariants, from a client's eye, checked at every change of what they depend on.

For each client and VIP: which hosts that the client reaches have it, and whether the host in the
client's neighbour cache is one of them. An interval without service is an outage, one with several
owners is two owners; both are compared with the plan's bounds when they end.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from tests.simulation.plan import SETTLE_SECONDS
from workers.failover.core.actions import Fact, FactKind, Reason
from workers.failover.core.definitions import AdminState
from workers.failover.core.handoff import RELEASED, TAKEN

if TYPE_CHECKING:
    from tests.simulation.host import Host
    from tests.simulation.network import Client
    from tests.simulation.world import World

REASK_SECONDS = 6.0
"""A client's kernel asks again after its cached neighbour was mute for this long."""
WAR_CLAIMS_PER_SECOND = 60
REST_CLAIMS_PER_SECOND = 4
QUIET_SECONDS = 2.0
"""A VIP that moved is announced for so long at most."""
FLAP_SECONDS = 5.0
FLAP_MOVES = 10
REST_MOVES = 2
"""At most so many moves of a VIP within FLAP_SECONDS, while faults go on and at rest."""
PLANNED = set(RELEASED.values())
WORD_SECONDS = 0.6
"""Who takes later than this after a release answers another one: its clock stood still."""
HANDED = set(TAKEN.values())
ALARMS = {FactKind.SUSPECTED, FactKind.DEAD}
SLACK_SECONDS = 1e-6


class Cell:
    """What one client sees of one VIP."""

    __slots__ = ("client", "moved_at", "out_since", "owners", "reasking", "two_since", "vip")

    def __init__(self, client: Client, vip: str) -> None:
        self.client = client
        self.vip = vip
        self.owners: list[Host] = []
        self.out_since: float | None = None
        self.two_since: float | None = None
        self.moved_at: float | None = None
        """Of the planned move, if one was young when the outage began."""
        self.reasking = False


class Watch:
    """Keeps the cells, and the worst of what they saw."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.bounds = world.plan.bounds
        self.holders: dict[str, list[Host]] = defaultdict(list)
        self.cells: dict[str, list[Cell]] = {}
        self.watching = False
        self.worst_outage = 0.0
        self.worst_planned = 0.0
        self.worst_two = 0.0
        self.planned: dict[str, float] = {}
        self.given: dict[tuple[str, str], tuple[int, float]] = {}
        """Giver and VIP -> its epoch when it was handed over, and when."""
        self.claims: Counter[str] = Counter()
        self.claims_second = 0
        self.moved_at: dict[str, list[float]] = defaultdict(list)
        self.taken_at: dict[str, float] = {}
        self.took: dict[tuple[str, str], float] = {}
        self.gave_way: dict[tuple[str, str], float] = {}
        self.last_holder: dict[str, str] = {}

    def define(self, vips: list[str]) -> None:
        """Watch these VIPs, and no others."""
        for vip in [v for v in self.cells if v not in vips]:
            del self.cells[vip]
        for vip in vips:
            if vip not in self.cells:
                self.cells[vip] = [Cell(client, vip) for client in self.world.clients]
                self._update(vip)

    # -- changes

    def held(self, host: Host, vip: str) -> None:
        """A kernel got a VIP."""
        self.holders[vip].append(host)
        self.taken_at[vip] = self.took[host.name, vip] = self.world.now
        if self.last_holder.get(vip) != host.name:
            self.last_holder[vip] = host.name
            self._moved(vip)
        if self.world.tracing:
            self._note(vip)
        self._update(vip)

    def lost(self, host: Host, vip: str) -> None:
        """A kernel no longer has a VIP."""
        self.holders[vip].remove(host)
        self._check_keeper(host, vip)
        if self.world.tracing:
            self._note(vip)
        self._update(vip)

    def reach_changed(self) -> None:
        """Somebody reaches more or fewer hosts."""
        for vip in list(self.cells):
            self._update(vip)

    def cached(self, client: Client, vip: str) -> None:
        """A client's neighbour cache changed."""
        self._update(vip)

    def announced(self, host: Host, vips: tuple[str, ...]) -> None:
        """Count claims: a war is a violation."""
        second = int(self.world.now)
        if second != self.claims_second:
            self.claims_second = second
            self.claims.clear()
        self.claims.update(vips)
        for vip in vips:
            if self.claims[vip] > WAR_CLAIMS_PER_SECOND:
                self.world.fail("announcement war", f"{vip}: {self.claims[vip]} claims in a second")
            elif self._at_rest(vip) and self.claims[vip] > REST_CLAIMS_PER_SECOND:
                self.world.fail(
                    "announcement war", f"{vip}: {self.claims[vip]} in a second at rest"
                )

    def fact(self, host: Host, fact: Fact) -> None:
        """Remember planned releases: their gap has its own bound."""
        if fact.kind is FactKind.RELEASED and fact.reason in PLANNED:
            self.planned[fact.vip] = self.world.now
            self.given[host.name, fact.vip] = (fact.epoch, self.world.now)
        if fact.kind is FactKind.TAKEN and fact.reason in HANDED:
            self._check_epoch(host, fact)
        if fact.kind is FactKind.RELEASED and fact.reason is Reason.CONFLICT:
            self.gave_way[host.name, fact.vip] = self.world.now
        if fact.kind in ALARMS and self.world.at_rest:
            self.check_alarm(host, fact)

    def _check_epoch(self, host: Host, fact: Fact) -> None:
        """Whoever takes what was handed over has a higher claim than who gave it.

        A machine that was paused meanwhile acts on the handover of before; it gives way at once.
        """
        epoch, at = self.given.get((fact.node, fact.vip), (0, 0.0))
        slept = host.paused_at <= at <= host.woke_at
        if fact.epoch <= epoch and self.world.now < at + WORD_SECONDS and not slept:
            self.world.fail("epoch", f"{host.name} took {fact.vip} with epoch {fact.epoch} again")

    def check_alarm(self, host: Host, fact: Fact) -> None:
        """At rest nobody suspects a node that runs and is on the net."""
        peer = self.world.hosts.get(fact.node)
        if peer is None or not (host.attached and peer.attached):
            return
        if peer.agent is not None and peer.agent.running:
            self.world.fail("false alarm", f"{host.name} at rest: {fact.kind.value} {fact.node}")

    def begin(self) -> None:
        """From now on it counts."""
        self.watching = True
        self.worst_outage = self.worst_two = self.worst_planned = 0.0
        for cells in self.cells.values():
            for cell in cells:
                cell.out_since = cell.two_since = None
        self.reach_changed()

    def end(self) -> None:
        """Close what is still open."""
        for cells in self.cells.values():
            for cell in cells:
                self._close_outage(cell)
                self._close_two(cell)

    def _moved(self, vip: str) -> None:
        now, recent = self.world.now, self.moved_at[vip]
        recent[:] = [at for at in recent if now - at < FLAP_SECONDS] + [now]
        limit = REST_MOVES if self.world.at_rest else FLAP_MOVES
        rest_from = self.world.disturbed_at + SETTLE_SECONDS
        counted = [at for at in recent if at >= rest_from or not self.world.at_rest]
        if len(counted) > limit:
            self.world.fail("flapping", f"{vip} moved {len(recent)} times in {FLAP_SECONDS} s")

    def _check_keeper(self, host: Host, vip: str) -> None:
        """Of two owners that meet, the one that took it later (the higher epoch) keeps it."""
        if not self.world.plan.latest_keeps or len(self.holders[vip]) != 1:
            return
        keeper = self.holders[vip][0]
        gave_way = self.gave_way.get((host.name, vip)) == self.world.now
        if gave_way and self.took[host.name, vip] > self.took[keeper.name, vip]:
            self.world.fail(
                "wrong keeper", f"{host.name} took {vip} later and gave way to {keeper.name}"
            )

    def _at_rest(self, vip: str) -> bool:
        taken_at = self.taken_at.get(vip, 0.0)
        return self.world.at_rest and self.world.now - taken_at > QUIET_SECONDS

    # -- cells

    def _update(self, vip: str) -> None:
        meets = self.world.network.meets
        for cell in self.cells.get(vip, ()):
            client = cell.client
            before = cell.owners
            cell.owners = [
                host
                for host in self.holders[vip]
                if not host.paused and meets(host.name, client.name)
            ]
            if len(before) > 1 and before != cell.owners:
                self._close_two(cell, before)
            if len(cell.owners) > 1 and cell.two_since is None:
                cell.two_since = self.world.now
            self._serve(cell)

    def _serve(self, cell: Cell) -> None:
        cache, owners = cell.client.cache, cell.owners
        if owners and cache.get(cell.vip) is None:
            cache[cell.vip] = owners[0]
        if owners and (cache[cell.vip] in owners or not self.bounds.by_cache):
            self._close_outage(cell)
            return
        if cell.out_since is None:
            released_at = self.planned.get(cell.vip, -math.inf)
            young = self.world.now - released_at < self.bounds.planned_gap
            cell.moved_at = released_at if young else None
            cell.out_since = self.world.now
        if not cell.reasking:
            cell.reasking = True
            self.world.after(REASK_SECONDS, self._reask, cell)

    def _reask(self, cell: Cell) -> None:
        cell.reasking = False
        if cell.out_since is not None:
            cell.client.cache.pop(cell.vip, None)
            self._serve(cell)

    def _close_outage(self, cell: Cell) -> None:
        since, cell.out_since = cell.out_since, None
        if since is None or not self.watching or cell.client.name not in self.world.plan.judged:
            return
        seconds, bound = self.world.now - since, self.bounds.outage
        if cell.moved_at is not None and self._is_gap(self.world.now - cell.moved_at):
            return
        self.worst_outage = max(self.worst_outage, seconds)
        if seconds > bound + SLACK_SECONDS:
            self.world.fail(
                "outage",
                f"{cell.vip} was mute for {cell.client.name} from {since:.3f}"
                f" for {seconds:.3f} s (bound {bound:.3f})",
            )

    def _is_gap(self, seconds: float) -> bool:
        """Whether an outage that ends so long after a planned move's release belongs to that.

        What the giver announced just before may reach a client behind the taker's words. Else it
        is a fault's, in the middle of a move or soon after it, and has that one's bound.
        """
        gap = seconds <= max(self.bounds.outage, self.bounds.planned_gap) + SLACK_SECONDS
        if gap:
            self.worst_planned = max(self.worst_planned, seconds)
        return gap

    def _close_two(self, cell: Cell, owners: list[Host] | None = None) -> None:
        since, cell.two_since = cell.two_since, None
        if since is None or not self.watching:
            return
        owners = owners or cell.owners
        seconds = self.world.now - self._counted_from(since, owners)
        self.worst_two = max(self.worst_two, seconds)
        if seconds > self.bounds.two_owners + SLACK_SECONDS:
            names = " and ".join(sorted(host.name for host in owners))
            self.world.fail(
                "two owners",
                f"{names} both had {cell.vip} for {cell.client.name} from {since:.3f}"
                f" for {seconds:.3f} s (bound {self.bounds.two_owners:.3f})",
            )

    def _counted_from(self, since: float, owners: list[Host]) -> float:
        if self.bounds.excuses_deaf:
            since = self.world.ears.excused_until(owners, since)
        if self.bounds.excuses_numb:
            since = max(since, *(self.world.ears.numb_until(host) for host in owners))
        return min(since, self.world.now)

    def _note(self, vip: str) -> None:
        names = " ".join(sorted(host.name for host in self.holders[vip])) or "nobody"
        self.world.note("owner", f"{vip}: {names}")

    # -- at rest

    def moving(self) -> bool:
        """A planned move is under way, or so young that not everybody has seen it."""
        return any(self.world.now - at < self.bounds.planned_gap for at in self.planned.values())

    def check_rest(self) -> None:
        """Everything healed long ago: one owner each, and everybody knows who."""
        world = self.world
        for vip in world.latest.vips:
            holders = sorted(host.name for host in self.holders[vip])
            if len(holders) != 1 and vip not in world.plan.idle:
                world.fail("rest", f"{vip} has {len(holders)} owners at rest: {holders}")
            for name in holders:
                agent = world.hosts[name].agent
                if agent is None or not agent.running:
                    world.fail("rest", f"{vip} is on {name}, whose agent does not run")
        if world.plan.balanced:
            self._check_balance()
        if world.plan.placed:
            self._check_places()
        self._check_drained()
        for host in world.hosts.values():
            extra = sorted(host.kernel.held - set(world.latest.vips))
            if extra:
                world.fail("rest", f"{host.name} has undefined VIPs at rest: {extra}")
            if host.agent is not None and host.attached and host.name in world.latest.nodes:
                self._check_belief(host)

    def _check_balance(self) -> None:
        vips = self.world.latest.vips
        loads = {
            name: len([v for v in host.kernel.held if not vips[v].prefer])
            for name, host in self.world.hosts.items()
            if name in self.world.latest.nodes
        }
        if max(loads.values()) - min(loads.values()) > 1:
            self.world.fail("balance", f"loads differ by more than one at rest: {loads}")

    def _check_places(self) -> None:
        """Every VIP is on the first node that it prefers of those that run, are enabled and well.

        And those that follow another are where that is.
        """
        latest = self.world.latest
        for vip, definition in latest.vips.items():
            there = [name for name in definition.prefer if self._serves(name, definition.check)]
            if definition.follow:
                there = [host.name for host in self.holders[definition.follow]]
            holders = [host.name for host in self.holders[vip]]
            if there and holders != there[:1]:
                self.world.fail("place", f"{vip} is on {holders} at rest and belongs on {there}")

    def _serves(self, name: str, check: str) -> bool:
        host, node = self.world.hosts[name], self.world.latest.nodes.get(name)
        enabled = node is not None and node.admin_state is AdminState.ENABLED
        return enabled and host.agent is not None and host.attached and check not in host.sick

    def _check_drained(self) -> None:
        """A node told to drain holds nothing while an enabled one is there to hold it."""
        latest = self.world.latest
        nodes = latest.nodes
        enabled = {n for n, node in nodes.items() if node.admin_state is AdminState.ENABLED}
        there = [h for h in self.world.hosts.values() if h.agent and h.attached]
        if not any(host.name in enabled for host in there):
            return
        for host in there:
            told = host.disk.revision == latest.revision and host.name not in enabled
            if told and host.kernel.held:
                self.world.fail("drained", f"{host.name} still has {sorted(host.kernel.held)}")

    def _check_belief(self, host: Host) -> None:
        agent = host.agent
        if agent is None or not agent.running:
            return
        vips = agent.machine.snapshot(host.clock())["vips"]
        for vip in self.world.latest.vips:
            holders = [h.name for h in self.holders[vip]]
            believed = vips.get(vip, {}).get("owner") or ""
            if holders and believed != holders[0]:
                self.world.fail(
                    "belief", f"{host.name} thinks {vip} is {believed!r}'s, it is {holders[0]}'s"
                )
