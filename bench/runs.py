"""Carrying out one run of a scenario on a lab: settle, probe, faults at their instants, heal.

Whatever happens, every fault is healed before the run is over. Nothing is judged here.
"""

import time
from collections.abc import Sequence

from bench.report import Run
from bench.scenarios import Scenario, Step, Target
from bench.settling import holders, settle
from workers.lab import probing
from workers.lab.core.probe_report import ProbeReport
from workers.lab.lab import Lab


def perform(lab: Lab, scenario: Scenario, number: int) -> Run:
    """One run; the victim changes with `number` among the nodes that hold most."""
    settle(lab)
    held = holders(lab)
    most = max(len(vips) for vips in held.values())
    candidates = [node for node in lab.nodes if len(held[node]) == most]
    victim = candidates[number % len(candidates)]
    try:
        for step in scenario.before:
            _strike(lab, step, victim)
        time.sleep(scenario.settle_before_seconds)
        probe, struck_at = _measure(lab, scenario, victim)
    finally:
        lab.heal()
    return Run(
        scenario=scenario.name,
        victim=victim,
        struck_at=struck_at,
        victim_vips=held[victim],
        victim_mac=lab.hosts[victim].mac,
        probe=probe,
    )


def _measure(lab: Lab, scenario: Scenario, victim: str) -> tuple[ProbeReport, float | None]:
    running = probing.start(lab.record, lab.vips, scenario.seconds, banners=False)
    started, struck_at = time.monotonic(), None
    try:
        for step in scenario.steps:
            time.sleep(max(0.0, started + step.at_seconds - time.monotonic()))
            instant = _strike(lab, step, victim)
            struck_at = instant if struck_at is None else struck_at
        return running.report(), struck_at
    except BaseException:
        running.abandon()
        raise


def _strike(lab: Lab, step: Step, victim: str) -> float:
    if step.fault is None:
        instant = time.monotonic()
        lab.heal()
        return instant
    targets: Sequence[str] = {
        Target.VICTIM: (victim,),
        Target.NODES: lab.nodes,
        Target.BROKERS: lab.brokers,
    }[step.target]
    return lab.inject(step.fault, targets).struck_at
