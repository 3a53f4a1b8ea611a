"""The bench `scale`: thousands of VIPs on a node, sixteen nodes in one subcluster.

Each share has a lab of its own, without mail: 1,000 and 10,240 VIPs on three nodes, all on one of
them, which loses power; 16 VIPs on sixteen nodes. What is answered again is seen by a watcher that
asks only for what is still missing (`last_answer`); a drain and an outage by the lab's probe.
"""

import fnmatch
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import consumers, redefinition, runs
from bench.errors import BenchError
from bench.options import Options, Teller
from bench.report import Row, row
from bench.scenarios import SCENARIOS
from bench.settling import unsettled
from workers.lab import probing
from workers.lab.bringup import Wish, bring_up, take_down
from workers.lab.core.faults import FaultKind
from workers.lab.core.probe_plan import BURST
from workers.lab.core.timeline import percentile
from workers.lab.health import ask, look
from workers.lab.lab import Lab
from workers.lab.network import INTERFACE

FEW, MANY, NODES = 1_000, 10_240, 16
WATCH_SECONDS = 15.0
GATHER_SECONDS = 240.0
"""Longer than a node that was isolated too often stays the last choice as heir."""
CALM_SECONDS = 3.0
"""So long nothing moves before a measure; what was taken last has been announced by then."""
LOOK_SECONDS = 1.0
DRAIN_SECONDS = 8.0
SAMPLE = BURST
"""VIPs that the probe can ask in every round."""
_PROJECT = Path(__file__).resolve().parents[1]
ROWS = (
    ("drain-1000.vip_gap_p99", "s", 0.100),
    ("vips-1000.last_answer", "s", 1.0),
    ("vips-10240.last_answer", "s", 2.5),
    ("vips-10240.renewal_cpu_percent", "%", 0.5),
    ("vips-10240.consumer_cpu_percent", "%", 3.0),
    ("nodes-16.outage", "s", 0.9),
    ("nodes-16.consumer_cpu_percent", "%", 2.5),
)


class Scale:
    """The bench at work, and a part of the bench `keepalived`."""

    def __init__(self, options: Options, tell: Teller) -> None:
        self._options = options
        self._tell = tell
        self._found: dict[str, list[float]] = {name: [] for name, _, _ in ROWS}

    def measure(self) -> None:
        """Measure what is asked for, lab by lab."""
        self._in_lab(Wish(vips=FEW), "vips-1000", self._few, "drain-1000.*", "vips-1000.*")
        self._in_lab(Wish(vips=MANY), "vips-10240", self._many, "vips-10240.*")
        self._in_lab(Wish(nodes=NODES, vips=NODES), "nodes-16", self._nodes, "nodes-16.*")

    def rows(self) -> list[Row]:
        """What was measured so far."""
        return [
            row(name, self._found[name], unit, bound)
            for name, unit, bound in ROWS
            if self._options.asks(name)
        ]

    def _in_lab(self, wish: Wish, suffix: str, work: Callable[[Lab], None], *kinds: str) -> None:
        names = [name for name, _, _ in ROWS if self._options.asks(name)]
        if not any(fnmatch.fnmatchcase(name, kind) for name in names for kind in kinds):
            return
        name = f"{self._options.name}-{suffix.rpartition('-')[2]}"
        lab = bring_up(_named(wish, name), self._tell, keep=True)
        try:
            work(lab)
        finally:
            take_down(name)

    def _add(self, name: str, value: float) -> None:
        self._found[name].append(round(value, 4))
        self._tell(f"{name}: {value:.3f}")

    def _few(self, lab: Lab) -> None:
        for number in range(self._options.runs):
            victim = lab.nodes[number % len(lab.nodes)]
            gather(lab, victim)
            if self._options.asks("drain-1000.vip_gap_p99"):
                self._add("drain-1000.vip_gap_p99", drain_gap(lab, victim, number))
                gather(lab, victim)
            if self._options.asks("vips-1000.last_answer"):
                self._add("vips-1000.last_answer", last_answer(lab, victim))

    def _many(self, lab: Lab) -> None:
        for number in range(self._options.runs):
            victim = lab.nodes[number % len(lab.nodes)]
            gather(lab, victim)
            if self._options.asks("vips-10240.renewal_cpu_percent"):
                self._add("vips-10240.renewal_cpu_percent", consumers.renewal_percent(lab))
            if self._options.asks("vips-10240.consumer_cpu_percent"):
                self._add("vips-10240.consumer_cpu_percent", consumers.cpu_percent(lab))
            if self._options.asks("vips-10240.last_answer"):
                self._add("vips-10240.last_answer", last_answer(lab, victim))

    def _nodes(self, lab: Lab) -> None:
        scenario = next(one for one in SCENARIOS if one.name == "power-loss")
        for number in range(self._options.runs):
            if self._options.asks("nodes-16.consumer_cpu_percent"):
                runs.settle(lab)
                self._add("nodes-16.consumer_cpu_percent", consumers.cpu_percent(lab))
            if self._options.asks("nodes-16.outage"):
                self._add("nodes-16.outage", runs.perform(lab, scenario, number).probe.outage)


def _named(wish: Wish, name: str) -> Wish:
    """The same lab under a name, without mail."""
    return Wish(name=name, nodes=wish.nodes, vips=wish.vips, mail=False)


def gather(lab: Lab, node: str) -> None:
    """Have one node own everything, and all at rest: what comes next must not measure moves.

    The others stop meanwhile, and begin anew: what thousands of moves at once did to them, three
    nodes on one machine, must not be measured either.
    """
    others = tuple(name for name in lab.nodes if name != node)
    before = redefinition.current(lab)
    wish = redefinition.preferring(before, dict.fromkeys(lab.vips, node))
    lab.inject(FaultKind.CLEAN_STOP, others)
    _rest(lambda: _running(lab, others), seconds=0.0)
    revision = redefinition.put(lab, wish)
    lab.heal()
    _rest(lambda: _restless(lab, node, revision), seconds=CALM_SECONDS)


def _rest(wanting: Callable[[], list[str]], seconds: float) -> None:
    """Return when nothing was wanting for so long."""
    deadline = time.monotonic() + GATHER_SECONDS
    calm_since = math.inf
    while time.monotonic() < calm_since + seconds:
        calm_since = math.inf if (missing := wanting()) else min(calm_since, time.monotonic())
        if time.monotonic() > deadline:
            raise BenchError(f"the VIPs do not rest on one node: {'; '.join(missing)}")
        time.sleep(LOOK_SECONDS)


def _running(lab: Lab, nodes: tuple[str, ...]) -> list[str]:
    agents = look(lab.record).agents
    return [f"the agent of {node} does not end" for node in nodes if agents[node] is not None]


def _restless(lab: Lab, node: str, revision: int) -> list[str]:
    health = look(lab.record)
    found = unsettled(lab, health, mature=False)
    for name, agent in health.agents.items():
        told = agent or {}
        if told.get("late"):
            found.append(f"{name} is the last choice as heir")
        count, wanted = len(told.get("vips", ())), len(lab.vips) if name == node else 0
        if told.get("state") != "ready" or told.get("revision", 0) < revision:
            found.append(f"{name} is not ready on revision {revision}")
        if count != wanted:
            found.append(f"{name} has {count} VIPs, not {wanted}")
    return found


def last_answer(lab: Lab, victim: str) -> float:
    """The owner of everything loses power: seconds until the last VIP answers from another host."""
    watcher = _watch(lab, victim)
    try:
        struck = lab.inject(FaultKind.POWER_LOSS, (victim,)).struck_at
        output, _ = watcher.communicate(timeout=WATCH_SECONDS + 10)
    finally:
        watcher.kill()
        lab.heal()
    found: dict[str, float] = json.loads(output or "{}")
    if len(found) < len(lab.vips):
        raise BenchError(f"{len(lab.vips) - len(found)} VIPs of {victim} answered no more")
    if min(found.values()) < struck:
        raise BenchError(f"VIPs of {victim} were answered for by another host before the fault")
    return max(found.values()) - struck


def drain_gap(lab: Lab, victim: str, number: int) -> float:
    """The owner of everything is drained: of all VIPs' outages, the 99th percentile.

    The probe asks some VIPs, others in each run, every 5 ms; to ask all of them so often would be
    the load that is measured. Of all VIPs the new owners tell the gap. The larger of both counts.
    """
    step = len(lab.vips) // SAMPLE
    sample = lab.vips[number % step :: step][:SAMPLE]
    before = redefinition.current(lab)
    marks = {node: _events(lab, node, 0, limit=1)["last"] for node in lab.nodes}
    running = probing.start(lab.record, sample, DRAIN_SECONDS, banners=False)
    try:
        redefinition.put(lab, redefinition.drained(before, victim))
        report = running.report()
        told = [gap for node, last in marks.items() for gap in _gaps(lab, node, last)]
    finally:
        running.abandon()
        redefinition.put(lab, before)
    if len(told) < len(lab.vips):
        raise BenchError(f"{len(lab.vips) - len(told)} VIPs of {victim} had no new owner")
    return max(percentile([one.outage for one in report.vips], 99), percentile(told, 99))


def _gaps(lab: Lab, node: str, last: int) -> list[float]:
    """Seconds without service of each VIP that a node took, by its events after the last."""
    events = _events(lab, node, last)["events"]
    taken = (one["gap_ms"] for one in events if one["kind"] == "taken")
    return [gap / 1000 for gap in taken if gap is not None]


def _events(lab: Lab, node: str, since: int, limit: int = MANY) -> dict[str, Any]:
    question = {"command": "events", "since": since, "limit": limit}
    answer = ask(lab.host_directory(node) / "muster.sock", question)
    if answer is None:
        raise BenchError(f"the agent of {node} does not answer: see its agent.log")
    return answer


def _watch(lab: Lab, victim: str) -> subprocess.Popen[str]:
    """A watcher on the client's host that asks for everything already."""
    client = lab.hosts["client"]
    words = [sys.executable, "-m", "bench.last_answer", "--interface", INTERFACE]
    words += ["--own", client.address, "--old", lab.hosts[victim].mac]
    watcher = subprocess.Popen(
        lab.command("client", [*words, "--seconds", str(WATCH_SECONDS)]),
        cwd=_PROJECT,
        env=lab.environment("client"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if watcher.stdin is None or watcher.stderr is None:
        raise BenchError("the watcher has no pipes")
    watcher.stdin.write("\n".join(lab.vips))
    watcher.stdin.close()
    watcher.stdin = None
    if watcher.stderr.readline() != "asking\n":
        raise BenchError(f"the watcher did not start: {watcher.stderr.read()[-300:]}")
    return watcher
