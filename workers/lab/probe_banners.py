"""One SMTP banner a second of every VIP, asked in a process of its own: it disturbs no echo.

A banner is good when its first line begins with 220 within `PATIENCE_SECONDS`; the connection is
closed politely. `python -m workers.lab.probe_banners --seconds S VIP...` prints JSON at the end or
at SIGTERM.
"""

import argparse
import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence

import msgspec

from workers.lab.core.probe_report import Banners, ProbeReport

SMTP_PORT = 25
PERIOD_SECONDS = 1.0
PATIENCE_SECONDS = 3.0
MOST_VIPS = 64
"""Of more VIPs the first ones are asked: a banner costs the server a process."""
SHOWN_ERRORS = 5


class Handle:
    """The asking process; `result` ends it."""

    def __init__(self, vips: Sequence[str], seconds: float) -> None:
        """Start asking, if there is anything to ask."""
        command = [
            sys.executable,
            "-m",
            "workers.lab.probe_banners",
            "--seconds",
            str(seconds),
            *vips,
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE) if vips else None
        self._found: dict[str, Banners] = {}

    def result(self) -> dict[str, Banners]:
        """Stop asking; what was found, per VIP."""
        if self._process is not None:
            self._process.terminate()
            output, _ = self._process.communicate(timeout=2 * PATIENCE_SECONDS)
            self._process = None
            self._found = msgspec.json.decode(output, type=dict[str, Banners])
        return self._found

    def close(self) -> None:
        """End the process without asking for its result."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@contextlib.contextmanager
def asked(vips: Sequence[str], seconds: float) -> Iterator[Handle]:
    """Ask while the block runs."""
    handle = Handle(vips[:MOST_VIPS], seconds)
    try:
        yield handle
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired, msgspec.DecodeError):
            handle.result()
        handle.close()


def add(found: ProbeReport, banners: dict[str, Banners]) -> ProbeReport:
    """The report with the banners of each VIP."""
    vips = tuple(
        msgspec.structs.replace(each, banners=banners.get(each.vip)) for each in found.vips
    )
    return msgspec.structs.replace(found, vips=vips)


def ask(vip: str) -> str:
    """Fetch one banner; an empty string when it is good, else what was wrong."""
    try:
        with socket.create_connection((vip, SMTP_PORT), timeout=PATIENCE_SECONDS) as connection:
            line = connection.recv(512)
            with contextlib.suppress(OSError):
                connection.sendall(b"QUIT\r\n")
    except OSError as error:
        return str(error)
    return "" if line.startswith(b"220") else f"banner {line[:60]!r}"


class Asker(threading.Thread):
    """Asks one VIP once a period until told to stop."""

    def __init__(self, vip: str, stopping: threading.Event, delay: float) -> None:
        """`delay` spreads the VIPs over the period."""
        super().__init__(daemon=True)
        self.vip = vip
        self.found = Banners()
        self._stopping = stopping
        self._next = time.monotonic() + delay

    def run(self) -> None:
        """Ask at absolute instants; a late one is not made up for."""
        while not self._stopping.wait(max(0.0, self._next - time.monotonic())):
            self._next = max(self._next + PERIOD_SECONDS, time.monotonic())
            wrong = ask(self.vip)
            if self._stopping.is_set():
                return
            self._count(wrong)

    def _count(self, wrong: str) -> None:
        errors = (*self.found.errors, wrong)[:SHOWN_ERRORS] if wrong else self.found.errors
        self.found = Banners(
            ok=self.found.ok + (not wrong), failed=self.found.failed + bool(wrong), errors=errors
        )


def main(arguments: Sequence[str]) -> int:
    """Ask until the time is up or SIGTERM comes."""
    parser = argparse.ArgumentParser(prog="probe_banners")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("vips", nargs="+")
    options = parser.parse_args(arguments)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    step = PERIOD_SECONDS / len(options.vips)
    askers = [Asker(vip, stopping, step * number) for number, vip in enumerate(options.vips)]
    for asker in askers:
        asker.start()
    stopping.wait(options.seconds + PATIENCE_SECONDS)
    stopping.set()
    sys.stdout.buffer.write(msgspec.json.encode({asker.vip: asker.found for asker in askers}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
