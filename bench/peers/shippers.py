"""Debian's log shippers: rsyslog (imfile to RELP) and syslog-ng, both ends on one machine.

They run out of `build/peers`, where `script/setup --peers` unpacks their packages: installed, each
would put the other, and the machine's own system log, aside. Settings are the packages' defaults
but for what a mail log needs; where one makes a peer faster or lose less, it is set: docs/decisions
has what each of them gives.
"""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from tests.integration.brokers import free_ports

UNPACKED = Path("build/peers")
STOP_SECONDS = 20.0

RSYSLOG_SENDER = """\
global(workDirectory="{work}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="omrelp")
input(type="imfile" File="{log}" Tag="mail:" reopenOnTruncate="on" persistStateInterval="1000")
action(type="omrelp" target="127.0.0.1" port="{port}" windowSize="10000"
       action.resumeRetryCount="-1" action.resumeInterval="1")
"""
RSYSLOG_RECEIVER = """\
global(workDirectory="{work}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off")
module(load="imrelp")
input(type="imrelp" port="{port}" maxDataSize="64k")
template(name="plain" type="string" string="%msg:2:$%\\n")
action(type="omfile" file="{out}" template="plain"
       action.resumeRetryCount="-1" action.resumeInterval="1")
"""
SYSLOG_NG_SENDER = """\
@version: 3.38
options {{
    stats-freq(0); time-reopen(1); log-msg-size(65536); log-fifo-size(200000); flush-lines(1000);
}};
source s_log {{
    file("{log}" follow-freq(0.1) log-fetch-limit(10000) log-iw-size(100000) flags(no-parse));
}};
destination d_net {{ network("127.0.0.1" port({port}) template("$MSG\\n")); }};
log {{ source(s_log); destination(d_net); flags(flow-control); }};
"""
SYSLOG_NG_RECEIVER = """\
@version: 3.38
options {{
    stats-freq(0); time-reopen(1); log-msg-size(65536); log-fifo-size(200000); flush-lines(1000);
}};
source s_net {{
    network(ip("127.0.0.1") port({port}) flags(no-parse)
        log-fetch-limit(10000) log-iw-size(100000) max-connections(1));
}};
destination d_file {{ file("{out}" template("$MSG\\n")); }};
log {{ source(s_net); destination(d_file); flags(flow-control); }};
"""


@dataclass(frozen=True, slots=True)
class Product:
    """A log shipper: its settings as sender and receiver, and how it is started."""

    name: str
    sender: str
    receiver: str
    arguments: Callable[[Path], list[str]]
    """Out of a directory with `conf` in it."""


def _rsyslog(work: Path) -> list[str]:
    modules = _only("*-linux-gnu/rsyslog")
    program = UNPACKED / "usr/sbin/rsyslogd"
    files = ["-f", str(work / "conf"), "-i", str(work / "pid")]
    return [str(program), "-n", "-M", f"{modules.resolve()}/", *files]


def _syslog_ng(work: Path) -> list[str]:
    modules = _only("syslog-ng/3.*")
    program = UNPACKED / "usr/sbin/syslog-ng"
    files = {"cfgfile": "conf", "persist-file": "persist", "pidfile": "pid", "control": "control"}
    named = [f"--{option}={work / name}" for option, name in files.items()]
    return [str(program), "-F", "--no-caps", f"--module-path={modules.resolve()}", *named]


RSYSLOG = Product("rsyslog", RSYSLOG_SENDER, RSYSLOG_RECEIVER, _rsyslog)
SYSLOG_NG = Product("syslog-ng", SYSLOG_NG_SENDER, SYSLOG_NG_RECEIVER, _syslog_ng)
PRODUCTS = {product.name: product for product in (RSYSLOG, SYSLOG_NG)}


class Peer:
    """A sender that follows `log`, and a receiver that writes to `disk`."""

    parts: tuple[str, ...] = ("collector", "shipper")

    def __init__(self, product: Product, place: Path, port: int) -> None:
        self.name = product.name
        self.log = place / "logs" / "mail.log"
        self.disk = place / "disk"
        self._collected = self.disk / "collected"
        self._product = product
        self._work = {part: place / part for part in self.parts}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        texts = {"collector": product.receiver, "shipper": product.sender}
        self.log.parent.mkdir(parents=True)
        self.disk.mkdir(exist_ok=True)
        self.log.touch()
        for side, work in self._work.items():
            work.mkdir()
            settings = texts[side].format(work=work, log=self.log, out=self._collected, port=port)
            (work / "conf").write_text(settings)

    @property
    def pids(self) -> list[int]:
        """Of everything that takes part."""
        return [process.pid for process in self._running.values()]

    @property
    def files(self) -> list[Path]:
        """What was collected."""
        return [self._collected] if self._collected.exists() else []

    def start(self) -> None:
        """Start both sides, the collector first."""
        for part in self.parts:
            self.start_part(part)

    def start_part(self, part: str) -> None:
        """Start `collector` or `shipper`; raises `BenchError` when it is not there."""
        work = self._work[part]
        arguments = self._product.arguments(work)
        if not Path(arguments[0]).exists():
            raise BenchError(f"{arguments[0]} is not there: script/setup --peers puts it there")
        paths = [*UNPACKED.glob("**/*-linux-gnu"), UNPACKED / "usr/lib/syslog-ng"]
        found = os.pathsep.join(str(path.resolve()) for path in paths)
        with (work / "output").open("ab") as output:
            self._running[part] = subprocess.Popen(
                arguments,
                env={**os.environ, "LD_LIBRARY_PATH": found},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def kill_part(self, part: str) -> None:
        """As by kill -9."""
        self._running[part].kill()
        self._running.pop(part).wait(STOP_SECONDS)

    def stop(self) -> None:
        """Kill both sides: what they hold is of no use to anybody."""
        for part in list(self._running):
            self.kill_part(part)


def peer(name: str, place: Path) -> Peer:
    """A peer by its name, on a port of its own."""
    return Peer(PRODUCTS[name], place, free_ports(1)[0])


def _only(pattern: str) -> Path:
    found = sorted((UNPACKED / "usr/lib").glob(pattern))
    if len(found) != 1:
        raise BenchError(f"{UNPACKED}/usr/lib has no {pattern}: script/setup --peers puts it there")
    return found[0]
