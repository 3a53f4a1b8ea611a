"""Other policy servers: Debian's postfwd and policyd-rate-limit, and a server that asks Redis.

They run out of `build/peers/policies`, where `script/setup --peers` unpacks their packages. Each
has three limits that are never reached, so that every request is admitted and counted: address,
sender and recipient's domain where a product can, three spans of time of the sender where not.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.errors import BenchError

UNPACKED = Path("build/peers/policies")
START_SECONDS, STOP_SECONDS, LOOK_SECONDS = 20.0, 10.0, 0.05

POSTFWD_RULES = """\
id=A; action=rate(client_address/1000000000/60/450 4.7.1 too many)
id=S; action=rate(sender/1000000000/60/450 4.7.1 too many)
id=R; action=rate(recipient_domain/1000000000/60/450 4.7.1 too many)
"""
POLICYD = """\
debug: False
user: "root"
group: "root"
pidfile: "{work}/pid"
sqlite_config:
    database: "{work}/db.sqlite3"
backend: 0
SOCKET: "{socket}"
socket_permission: 0666
limits:
    - [1000000000, 60]
    - [1000000000, 3600]
    - [1000000000, 86400]
limits_by_id: {{}}
limit_by_sasl: False
limit_by_sender: True
limit_by_ip: False
limited_networks: []
success_action: "dunno"
fail_action: "defer_if_permit Rate limit reach, retry later"
db_error_action: "dunno"
report: False
delay_to_close: 300
"""
REDIS = """\
port 0
unixsocket {work}/redis.sock
save ""
appendonly no
dir {work}
"""


Command = tuple[list[str], Path]
"""The words, and the socket that is there when the process is ready."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy server: how its processes are started in a directory; the last one answers."""

    name: str
    commands: Callable[[Path, Path], list[Command]]
    """Out of the directory and the socket."""
    may_be_left: bool = True
    """Whether it goes on when clients leave."""


def _program(path: str) -> str:
    found = UNPACKED.resolve() / path
    if not found.exists():
        raise BenchError(f"{found} is not there: script/setup --peers puts it there")
    return str(found)


def _postfwd(work: Path, socket: Path) -> list[Command]:
    (work / "rules").write_text(POSTFWD_RULES)
    libraries = ["-I", str(UNPACKED.resolve() / "usr/share/perl5")]
    found = sorted(UNPACKED.resolve().glob("usr/lib/*/perl5/*"))
    libraries += [word for path in found for word in ("-I", str(path))]
    program = _program("usr/sbin/postfwd1")
    options = ["--daemon", "--proto=unix", f"--port={socket}", "--umask=0000", "--user=root"]
    options += ["--group=root", f"--pidfile={work}/pid", "--nodns", "--no-dnslog", "--norulelog"]
    return [(["perl", "-T", *libraries, program, *options, f"--file={work}/rules"], socket)]


def _policyd(work: Path, socket: Path) -> list[Command]:
    (work / "conf.yaml").write_text(POLICYD.format(work=work, socket=socket))
    program = _program("usr/bin/policyd-rate-limit")
    return [(["/usr/bin/python3", program, "--file", f"{work}/conf.yaml"], socket)]


def _redis(how: str, work: Path, socket: Path) -> list[Command]:
    (work / "redis.conf").write_text(REDIS.format(work=work))
    program = _program("usr/bin/redis-server")
    server = [sys.executable, "-m", "bench.peers.redis_policy", str(socket), f"{work}/redis.sock"]
    redis = [program, f"{work}/redis.conf"]
    return [(redis, work / "redis.sock"), ([*server, how], socket)]


POSTFWD = Policy("postfwd", _postfwd)
POLICYD_RATE_LIMIT = Policy("policyd-rate-limit", _policyd, may_be_left=False)
ASKING_REDIS = Policy("redis", partial(_redis, "library"))
PIPING_REDIS = Policy("redis, pipelined by hand", partial(_redis, "pipeline"))


@contextmanager
def running(policy: Policy, work: Path) -> Iterator[Path]:
    """The socket of a policy server that answers; raises `BenchError` where it does not."""
    work.mkdir(parents=True)
    socket = work / "policy.sock"
    started: list[subprocess.Popen[bytes]] = []
    try:
        with (work / "output").open("ab") as output:
            for command, ready in policy.commands(work.resolve(), socket.resolve()):
                started.append(_started(command, output.fileno()))
                wait_for(ready, work / "output")
        yield socket.resolve()
    finally:
        _stop(started, work / "pid")


def wait_for(socket: Path, output: Path) -> None:
    """Wait until a socket is there; raises `BenchError` with what its server said."""
    end = time.monotonic() + START_SECONDS
    while not socket.exists():
        if time.monotonic() > end:
            said = output.read_text(errors="replace")[-500:] if output.exists() else ""
            raise BenchError(f"nobody answers at {socket}: {said}")
        time.sleep(LOOK_SECONDS)


def _started(command: list[str], output: int) -> subprocess.Popen[bytes]:
    root = UNPACKED.resolve()
    libraries = os.pathsep.join(str(path) for path in root.glob("usr/lib/*-linux-gnu"))
    python = str(root / "usr/lib/python3/dist-packages")
    environment = {**os.environ, "LD_LIBRARY_PATH": libraries}
    if command[0] == "/usr/bin/python3":
        environment["PYTHONPATH"] = python
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
    )


def _stop(started: list[subprocess.Popen[bytes]], pid_file: Path) -> None:
    """What went into the background is known by its file alone."""
    with suppress(OSError, ValueError):
        os.kill(int(pid_file.read_text()), signal.SIGTERM)
    for process in reversed(started):
        process.kill()
        process.wait(STOP_SECONDS)
