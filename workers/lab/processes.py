"""The processes of a lab's hosts, found by the network namespace they live in.

Never by name: a process is a host's when its namespace is the host's. What it is for is read from
the `MUSTER_LAB_ROLE` in its environment, else from its nearest ancestor that has one. Signals go
through a pidfd that was checked after opening, so a recycled pid is never hit.
"""

import os
import signal
import time
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workers.lab.errors import LabError

ROLE_VARIABLE = "MUSTER_LAB_ROLE"
SETTLE_SECONDS = 10.0
_PROC = Path("/proc")
_NETNS = Path("/run/netns")


@dataclass(frozen=True, slots=True)
class Process:
    """A process in a namespace; `role` is empty when nothing of the lab started it."""

    pid: int
    parent: int
    role: str
    namespace: str
    state: str
    """As in /proc: R, S, D, T (stopped), Z, ..."""
    command: str


def processes_in(namespaces: Iterable[str]) -> list[Process]:
    """Every process whose network namespace is one of those named, ordered by pid."""
    wanted = {inode: name for name in namespaces if (inode := _inode(_NETNS / name))}
    found = {}
    for entry in _PROC.iterdir() if wanted else ():
        if entry.name.isdigit() and (name := wanted.get(_inode(entry / "ns/net") or (0, 0))):
            process = _read(int(entry.name), name)
            if process is not None:
                found[process.pid] = process
    return [_with_role(found[pid], found) for pid in sorted(found)]


def send(processes: Iterable[Process], number: signal.Signals) -> None:
    """Signal the processes, each only while it is still in its namespace."""
    for process in processes:
        try:
            handle = os.pidfd_open(process.pid)
        except ProcessLookupError:
            continue
        try:
            if _inode(_PROC / f"{process.pid}/ns/net") == _inode(_NETNS / process.namespace):
                signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)


def stop(processes: Iterable[Process]) -> None:
    """Stop the processes (SIGSTOP), and return when none of them runs any more."""
    pids = {process.pid: process.namespace for process in processes}
    _bring_to("TZ", signal.SIGSTOP, sorted(set(pids.values())), pids)


def kill_all(namespaces: Iterable[str]) -> None:
    """Kill every process of the namespaces, supervisors first, until none is left."""
    _bring_to("Z", signal.SIGKILL, list(namespaces))


def freeze_all(namespaces: Iterable[str]) -> None:
    """Stop every process of the namespaces, those too that are forked meanwhile."""
    _bring_to("TZ", signal.SIGSTOP, list(namespaces))


def _bring_to(
    states: str,
    number: signal.Signals,
    namespaces: list[str],
    only: Container[int] | None = None,
) -> None:
    """Signal all processes, or `only` those pids, until each is in one of `states`."""

    def unsettled() -> list[Process]:
        found = processes_in(namespaces)
        return [p for p in found if p.state not in states and (only is None or p.pid in only)]

    deadline = time.monotonic() + SETTLE_SECONDS
    while others := unsettled():
        if time.monotonic() > deadline:
            pids = ", ".join(f"{p.pid} ({p.state}, {p.command})" for p in others)
            raise LabError(f"{number.name} does nothing to these processes: {pids}")
        send(sorted(others, key=lambda p: p.role != "supervisor"), number)
        time.sleep(0.005)


def started_at(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot, or None when there is no such process."""
    try:
        fields = (_PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _read(pid: int, namespace: str) -> Process | None:
    try:
        fields = (_PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
        words = (_PROC / f"{pid}/cmdline").read_bytes()
        environment = (_PROC / f"{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    mark = f"{ROLE_VARIABLE}=".encode()
    command = words.replace(b"\0", b" ").decode(errors="replace").strip()
    role = next((v[len(mark) :].decode() for v in environment if v.startswith(mark)), "")
    return Process(pid, int(fields[1]), role, namespace, fields[0], command)


def _with_role(process: Process, known: Mapping[int, Process]) -> Process:
    ancestor: Process | None = process
    while ancestor is not None and not ancestor.role:
        ancestor = known.get(ancestor.parent)
    role = ancestor.role if ancestor else ""
    return Process(
        process.pid, process.parent, role, process.namespace, process.state, process.command
    )
