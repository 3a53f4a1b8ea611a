"""What the failover consumers of a lab cost: CPU and memory at rest, and the time to start."""

import os
import time
from pathlib import Path

from bench.errors import BenchError
from workers.lab.core.faults import FaultKind
from workers.lab.health import ask
from workers.lab.host_files import AGENT
from workers.lab.lab import Lab

REST_SECONDS = 5.0
START_DEADLINE_SECONDS = 15.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def cpu_percent(lab: Lab) -> float:
    """The busiest consumer's share of one core over a few seconds without a fault."""
    agents = agent_pids(lab)
    before = {pid: _cpu_seconds(pid) for pid in agents.values()}
    started = time.monotonic()
    time.sleep(REST_SECONDS)
    length = time.monotonic() - started
    return max(100 * (_cpu_seconds(pid) - was) / length for pid, was in before.items())


def renewal_percent(lab: Lab) -> float:
    """What renewing the lease alone costs the busiest consumer, as a share of one core."""
    before = {node: _renewal_seconds(lab, node) for node in lab.nodes}
    started = time.monotonic()
    time.sleep(REST_SECONDS)
    length = time.monotonic() - started
    return max(100 * (_renewal_seconds(lab, node) - was) / length for node, was in before.items())


def _renewal_seconds(lab: Lab, node: str) -> float:
    answer = ask(lab.host_directory(node) / "muster.sock", {"command": "status"})
    if answer is None:
        raise BenchError(f"the agent of {node} does not answer: see its agent.log")
    return float(answer["loop"]["renewal_cpu_ms"]) / 1000


def rss_mb(lab: Lab) -> float:
    """The largest consumer's resident memory, MiB."""
    pages = (
        int((_PROC / f"{pid}/statm").read_text().split()[1]) for pid in agent_pids(lab).values()
    )
    return max(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20


def start_seconds(lab: Lab, node: str) -> float:
    """Kill a node's consumer; from its successor's first instant until it answers on its socket."""
    old = agent_pids(lab)[node]
    path = lab.host_directory(node) / "muster.sock"
    killed = time.monotonic()
    lab.inject(FaultKind.KILL_AGENT, (node,))
    while time.monotonic() < killed + START_DEADLINE_SECONDS:
        if ask(path, {"command": "status"}) is not None:
            answered = time.monotonic()
            pid = agent_pids(lab).get(node)
            if pid is not None and pid != old:
                return answered - _born_at(pid)
        time.sleep(0.01)
    raise BenchError(f"the consumer of {node} did not come back: see its agent.log")


def agent_pids(lab: Lab) -> dict[str, int]:
    """Node -> pid of its consumer."""
    return {p.host: p.pid for p in lab.processes() if p.role == AGENT and p.state != "Z"}


def _fields(pid: int) -> list[str]:
    return (_PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()


def _cpu_seconds(pid: int) -> float:
    fields = _fields(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _born_at(pid: int) -> float:
    """Monotonic seconds; the kernel counts from boot, suspended time included."""
    offset = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    return int(_fields(pid)[19]) / _TICKS - offset
