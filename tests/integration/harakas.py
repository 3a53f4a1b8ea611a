"""A real Haraka with the plugin of fixtures/haraka, and a server that takes what it sends."""

import contextlib
import os
import shutil
import signal
import smtplib
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures" / "haraka"
INSTALLED = ROOT / "build" / "haraka" / "node_modules" / "Haraka"
LEAST_NODE = 20
START_SECONDS = 30.0


@dataclass
class Sink:
    """Takes mail on loopback. `held`: it answers the end of a message only when this is set."""

    port: int = 0
    recipients: list[str] = field(default_factory=list)
    messages: int = 0
    open_now: int = 0
    most_open: int = 0
    held: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Haraka:
    """One that runs."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]

    def send(self, recipient: str) -> None:
        """Hand in a message; raises what smtplib raises."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=10) as client:
            client.sendmail("from@example.com", [recipient], b"Subject: test\r\n\r\ntest\r\n")


def needed() -> None:
    """Skip where Haraka does not run, fail where it was not installed."""
    node = shutil.which("node")
    words = [node or "false", "--version"]
    told = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False).stdout
    if node is None or int(told.strip().lstrip("v").partition(".")[0] or 0) < LEAST_NODE:
        pytest.skip(f"Haraka needs Node.js {LEAST_NODE}; here is {told.strip() or 'none'}")
    if not INSTALLED.exists():
        pytest.fail("Haraka is not installed; run script/setup --dev")


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


@contextlib.contextmanager
def sinking() -> Iterator[Sink]:
    """A server that takes mail."""
    sink = Sink()
    sink.held.set()
    lock = threading.Lock()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with lock:
                sink.open_now += 1
                sink.most_open = max(sink.most_open, sink.open_now)
            try:
                self.converse()
            finally:
                with lock:
                    sink.open_now -= 1

        def converse(self) -> None:
            self.say("220 sink")
            for line in self.rfile:
                verb = line[:4].upper()
                if verb == b"DATA":
                    self.say("354 go on")
                    while self.rfile.readline() not in (b".\r\n", b""):
                        pass
                    sink.held.wait(30)
                    sink.messages += 1
                if verb == b"RCPT":
                    sink.recipients.append(line.partition(b"<")[2].partition(b">")[0].decode())
                self.say("250 sink" if verb != b"QUIT" else "221 bye")
                if verb == b"QUIT":
                    return

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        sink.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield sink
        finally:
            sink.held.set()
            server.shutdown()


@contextlib.contextmanager
def running(home: Path, api: Path, policy: Path, sink: Sink) -> Iterator[Haraka]:
    """Haraka with the plugin; all it sends goes to the sink."""
    port, config = free_port(), home / "config"
    config.mkdir(parents=True)
    (home / "plugins").mkdir()
    shutil.copy(FIXTURES / "plugins" / "muster_limits.js", home / "plugins")
    own = (FIXTURES / "config" / "muster_limits.ini").read_text()
    own = own.replace("/run/muster/policy.sock", str(policy))
    own = own.replace("/run/muster/limits.sock", str(api))
    files = {
        "muster_limits.ini": own,
        "plugins": "muster_limits\nto_sink\n",
        "smtp.ini": f"listen=127.0.0.1:{port}\nnodes=0\n",
        "outbound.ini": "temp_fail_intervals=1s,1s,1s\nlocal_mx_ok=true\nenable_tls=false\n",
        "log.ini": "level=INFO\ntimestamps=true\n",
        "me": "haraka.test\n",
    }
    shutil.copy(INSTALLED / "config" / "connection.ini", config)
    for name, text in files.items():
        (config / name).write_text(text)
    (home / "plugins" / "to_sink.js").write_text(_TO_SINK % sink.port)
    log = home / "haraka.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            ["node", str(INSTALLED / "bin" / "haraka"), "-c", str(home)],
            env={**os.environ, "NODE_PATH": str(INSTALLED.parent)},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_greeting(port, process, log)
        yield Haraka(port, log, process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


_TO_SINK = """\
exports.hook_rcpt = function (next, connection) { connection.relaying = true; next(OK) }
exports.hook_get_mx = function (next) {
    next(OK, { priority: 0, exchange: '127.0.0.1', port: %d })
}
"""


def _wait_greeting(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            smtplib.SMTP("127.0.0.1", port, timeout=2).close()
            return
        time.sleep(0.1)
    raise AssertionError(f"Haraka does not greet: {log.read_text()[-2000:]}")
