"""Processor time of processes with everything they have started, as the kernel counts it."""

import os
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


def seconds(pids: Iterable[int]) -> float:
    """User and system time of these, of their descendants, and of children that have ended."""
    found = dict(_every())
    wanted = set(pids)
    grown = True
    while grown:
        more = {pid for pid, (parent, _) in found.items() if parent in wanted} - wanted
        wanted |= more
        grown = bool(more)
    return sum(found[pid][1] for pid in wanted if pid in found) / _TICKS


def _every() -> Iterable[tuple[int, tuple[int, int]]]:
    """Each process: its parent, and the ticks of itself and its ended children."""
    for path in _PROC.iterdir():
        if path.name.isdecimal():
            try:
                fields = (path / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            yield int(path.name), (int(fields[1]), sum(map(int, fields[11:15])))
