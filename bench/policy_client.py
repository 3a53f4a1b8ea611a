"""The client that asks policy servers, the same for all of them: cheap, and in its own process.

It is C where there is a compiler; otherwise Python, which costs as much as a server does and so
hides what the faster one can do: a bench without a compiler says less than there is.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError

SOURCE = Path("bench/load/policy_load.c")
PROGRAM = Path("build/policy_load")
SPARE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """`connections` at once; `rate` requests a second, or 0 for as many as are answered."""

    seconds: float
    connections: int = 20
    rate: float = 0.0
    keys: int = 10_000
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back; times in seconds."""

    count: int
    refused: int
    per_second: float
    median: float
    p99: float
    p999: float
    worst: float


def client() -> list[str]:
    """Return the command, made if need be."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return [sys.executable, "-m", "bench.load.policy_load"]
    if not PROGRAM.exists() or PROGRAM.stat().st_mtime < SOURCE.stat().st_mtime:
        PROGRAM.parent.mkdir(exist_ok=True)
        subprocess.run([compiler, "-O2", "-o", str(PROGRAM), str(SOURCE)], check=True)
    return [str(PROGRAM)]


def ask(socket: Path, load: Load) -> Answers:
    """Ask a server; raises `BenchError` when it fails."""
    words = (socket, load.connections, load.seconds, load.rate, load.keys, load.seed)
    done = subprocess.run(
        [*client(), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=load.seconds + SPARE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"asking {socket} failed: {done.stderr.strip()[-300:]}")
    count, refused, seconds, *times = map(float, done.stdout.split())
    return Answers(int(count), int(refused), count / seconds, *(one / 1e6 for one in times))
