"""Carrying out one run of a scenario on a lab: settle, probe, steps at their instants, heal.

Whatever happens, every fault is healed and the definitions are as before when the run is over.
Nothing is judged here.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench import redefinition, settling
from bench.peers import keepalived
from bench.report import Done, Run
from bench.scenarios import Deed, Scenario, Step, Target
from workers.failover.core.definitions import Definitions
from workers.lab import probing
from workers.lab.core.faults import FaultKind
from workers.lab.core.hosts import Role, Software
from workers.lab.core.probe_report import ProbeReport
from workers.lab.lab import Lab


def perform(lab: Lab, scenario: Scenario, number: int, side: str = "") -> Run:
    """One run; the victim changes with `number` among the nodes that hold most."""
    settle(lab)
    held = holders(lab)
    most = max(len(vips) for vips in held.values())
    candidates = [node for node in lab.nodes if len(held[node]) == most]
    stage = _Stage(lab, candidates[number % len(candidates)], held)
    try:
        for step in scenario.before:
            stage.do(step)
        time.sleep(scenario.settle_before_seconds)
        before = len(stage.done)
        probe = stage.measure(scenario)
    finally:
        stage.clear()
    done = tuple(stage.done[before:])
    return Run(
        scenario=scenario.name,
        side=side,
        victim=stage.victim,
        struck_at=done[0].at if done else None,
        victim_vips=held[stage.victim],
        victim_mac=lab.hosts[stage.victim].mac,
        nodes={lab.hosts[node].mac: node for node in lab.nodes},
        done=done,
        probe=probe,
    )


def settle(lab: Lab, *, mature: bool = True) -> None:
    """Wait until a lab is well, whatever its nodes run."""
    if lab.record.software is Software.KEEPALIVED:
        keepalived.settle(lab)
    else:
        settling.settle(lab, mature=mature)


def holders(lab: Lab) -> dict[str, tuple[str, ...]]:
    """Node -> the VIPs it holds."""
    if lab.record.software is Software.KEEPALIVED:
        return keepalived.holders(lab)
    return settling.holders(lab)


@dataclass(slots=True)
class _Stage:
    """A lab in the middle of a run: what was done to it, and what it was before."""

    lab: Lab
    victim: str
    held: Mapping[str, tuple[str, ...]]
    done: list[Done] = field(default_factory=list)
    _before: Definitions | None = None
    _now: Definitions | None = None

    def measure(self, scenario: Scenario) -> ProbeReport:
        """Probe, and do the steps at their instants."""
        running = probing.start(self.lab.record, self.lab.vips, scenario.seconds, banners=False)
        started = time.monotonic()
        try:
            for step in scenario.steps:
                time.sleep(max(0.0, started + step.at_seconds - time.monotonic()))
                self.do(step)
            return running.report()
        except BaseException:
            running.abandon()
            raise

    def do(self, step: Step) -> None:
        """Do one step, now."""
        if not isinstance(step.what, Deed):
            words = (*self._targets(step.target), *step.words)
            instant = self.lab.inject(self._fault(step.what), words).struck_at
            self.done.append(Done(at=instant, what=step.what.value))
        elif step.what is Deed.HEAL:
            self.done.append(Done(at=time.monotonic(), what=step.what.value))
            self.lab.heal(*step.words)
        else:
            self._redefine(step, step.what)

    def clear(self) -> None:
        """End all faults and put the definitions back."""
        self.lab.heal()
        if self._before is not None:
            redefinition.put(self.lab, self._before)

    def _redefine(self, step: Step, deed: Deed) -> None:
        if self._before is None or self._now is None:
            self._before = self._now = redefinition.current(self.lab)
        done = Done(at=0.0, what=deed.value)
        if deed is Deed.DRAIN:
            self._now = redefinition.drained(self._now, self.victim)
        elif deed is Deed.QUORUM:
            self._now = redefinition.by_quorum(self._now)
        elif deed is Deed.PIN:
            self._now = redefinition.preferring(self._now, self._owners())
        elif deed is Deed.MOVE:
            vip = self.lab.vips[step.vip]
            done = Done(at=0.0, what=deed.value, vip=vip, node=self._goal(vip, step.shift))
            self._now = redefinition.preferring(self._now, {vip: done.node})
        done = Done(at=time.monotonic(), what=done.what, vip=done.vip, node=done.node)
        self.done.append(done)
        revision = redefinition.put(self.lab, self._now)
        if deed in (Deed.QUORUM, Deed.PIN):
            redefinition.wait_until_acted(self.lab, revision)

    def _fault(self, kind: FaultKind) -> FaultKind:
        """What a fault is to this lab: nobody restarts keepalived, by Debian's unit."""
        restarted = self.lab.record.software is not Software.KEEPALIVED
        dies = kind is FaultKind.KILL_AGENT and not restarted
        return FaultKind.KILL_AGENT_FOR_GOOD if dies else kind

    def _owners(self) -> dict[str, str]:
        return {vip: node for node, vips in self.held.items() for vip in vips}

    def _goal(self, vip: str, shift: int) -> str:
        nodes = self.lab.nodes
        return nodes[(nodes.index(self._owners()[vip]) + shift) % len(nodes)]

    def _targets(self, target: Target) -> tuple[str, ...]:
        lab, victim = self.lab, self.victim
        others = tuple(node for node in lab.nodes if node != victim)
        gateways = lab.record.names(Role.GATEWAY)
        return {
            Target.VICTIM: (victim,),
            Target.NODES: lab.nodes,
            Target.BROKERS: lab.brokers,
            Target.MANAGERS: lab.managers,
            Target.VICTIM_OR_OTHERS: (victim, "/", *others),
            Target.CLIENTS_SIDE: (victim, "client", *gateways, "/", *others, *lab.brokers),
        }[target]
