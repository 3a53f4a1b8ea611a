"""Failover consumers on hosts of their own: their files, processes, answers and kernels."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.segment import CIDR, Host, hosts
from workers.failover.core.definitions import Definitions, Knobs, Node, Topology, Vip
from workers.failover.core.definitions_text import render

NAMES = ("mta1", "mta2", "mta3")
CLUSTER, SUBCLUSTER = "test", "default"
VIPS = tuple(f"198.18.78.{number}" for number in range(1, 7))
KEY = "5a" * 32
GATEWAY = "198.18.77.4"
PATIENCE_SECONDS = 15.0
MARK = "127.0.0.9/32"
"""Comes and goes on loopback, so that the end of a watch is seen."""


def defined(revision: int = 1, vips: Sequence[str] = VIPS) -> Definitions:
    """Three nodes and a gateway as witness; a lease as short as may be."""
    return Definitions(
        cluster=CLUSTER,
        subcluster=SUBCLUSTER,
        revision=revision,
        knobs=Knobs(lease_ttl=2, start_delay=0.3, view_mature_time=1.0, balance_interval=1.0),
        topologies=(Topology(CIDR, "eth0", (GATEWAY,)),),
        nodes={name: Node(name, f"198.18.77.{n}") for n, name in enumerate(NAMES, start=1)},
        vips={vip: Vip(vip) for vip in vips},
    )


@dataclass
class Agent:
    """One node: where its files are, and the process while it runs."""

    name: str
    host: Host
    directory: Path
    brokers: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def door(self) -> Path:
        return self.directory / "muster.sock"

    @property
    def definitions(self) -> Path:
        return self.state / "definitions.toml"

    @property
    def config(self) -> Path:
        return self.directory / "node.toml"

    @property
    def key(self) -> Path:
        return self.directory / "cluster.key"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def write(self, definitions: Definitions) -> None:
        """Lay down what an operator would."""
        self.state.mkdir(parents=True, exist_ok=True)
        self.key.touch(mode=0o600)
        self.key.write_text(KEY + "\n")
        values = {
            "cluster": CLUSTER,
            "subcluster": SUBCLUSTER,
            "node": self.name,
            "state_directory": str(self.state),
            "key_file": str(self.key),
            "brokers": list(self.brokers),
            "socket": str(self.door),
            "commands": "/",
        }
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in values.items()]
        self.config.write_text("".join(lines))
        self.put(render(definitions))

    def put(self, text: str) -> None:
        """Put a definitions file in its place."""
        new = self.state / "put"
        new.write_text(text)
        new.replace(self.definitions)

    def command(self, *before: str) -> list[str]:
        """How the program is started; `before`: another one that starts it."""
        program = [sys.executable, "-m", "workers.failover.consumer", "--config", str(self.config)]
        return ["ip", "netns", "exec", self.host.name, *before, *program]

    def start(self) -> float:
        """Start the process; the instant before."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        return began

    def run(self, *before: str) -> subprocess.CompletedProcess[str]:
        """Run the program to its end: for starts that must fail."""
        command = self.command(*before)
        return subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait for it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE_SECONDS)
            self.process = None

    def ask(self, command: str, **more: Any) -> dict[str, Any] | None:
        """The agent's answer; None while it does not give one."""
        request = json.dumps({"command": command, **more}).encode() + b"\n"
        try:
            return self.converse(request)[0]
        except OSError:
            return None

    def converse(self, *requests: bytes) -> list[dict[str, Any]]:
        """Send bytes and read a line after each."""
        with self.connected() as client, client.makefile("rb") as answers:
            found = []
            for request in requests:
                client.sendall(request)
                found.append(json.loads(answers.readline() or b"null"))
            return found

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_SECONDS)
            client.connect(str(self.door))
            yield client

    def status(self) -> dict[str, Any]:
        """The agent's status, as soon as it answers."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := self.ask("status")) is None:
            said = self.log.read_text()[-2000:]
            assert time.monotonic() < deadline, f"{self.name} does not answer: {said}"
            time.sleep(0.02)
        return found

    def state_word(self) -> str:
        return str((self.ask("status") or {}).get("state", ""))

    def events(self) -> list[dict[str, Any]]:
        found = self.ask("events")
        return list(found["events"]) if found else []

    def held(self) -> set[str]:
        """VIPs that the kernel lists."""
        return self.host.addresses().keys() & set(VIPS)


@dataclass
class Cluster:
    """Three agents on one segment; the gateway is a host of its own."""

    agents: dict[str, Agent]

    def __getitem__(self, name: str) -> Agent:
        return self.agents[name]

    def __iter__(self) -> Iterator[Agent]:
        return iter(self.agents.values())

    def owners(self) -> dict[str, list[str]]:
        """VIP -> nodes whose kernel lists it."""
        held = {agent.name: agent.held() for agent in self}
        return {vip: [name for name in held if vip in held[name]] for vip in VIPS}

    def spread(self) -> list[int]:
        """How many VIPs each node's kernel has."""
        return [len(agent.held()) for agent in self]

    def settled(self) -> bool:
        """Whether all run, are ready, and share the VIPs evenly, each on one."""
        ready = all(agent.state_word() == "ready" for agent in self)
        return ready and self.spread() == [2, 2, 2] and self.once()

    def once(self) -> bool:
        """Whether each VIP is on exactly one kernel."""
        return all(len(owners) == 1 for owners in self.owners().values())

    def restore(self) -> None:
        """Start what does not run, and wait until all is as it should be."""
        for agent in self:
            if agent.process is None or agent.process.poll() is not None:
                agent.start()
        wait(self.settled, "all ready, two VIPs each")


@contextmanager
def cluster(directory: Path, definitions: Definitions) -> Iterator[Cluster]:
    """Three agents with their files, none started."""
    with hosts(4) as (*three, _gateway), ExitStack() as stack:
        agents = {
            name: Agent(name, host, directory / name)
            for name, host in zip(NAMES, three, strict=True)
        }
        for agent in agents.values():
            agent.write(definitions)
            stack.callback(agent.kill)
        yield Cluster(agents)


def wait(true: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> float:
    """Wait for a condition; how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() < began + seconds, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - began


@contextmanager
def changes(host: Host) -> Iterator[list[str]]:
    """What happens to a host's addresses, in the words of `ip monitor`; complete at the end."""
    command = ["ip", "-n", host.name, "-o", "monitor", "address"]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as monitor:
        said = monitor.stdout
        assert said is not None
        deadline = time.monotonic() + PATIENCE_SECONDS
        host.ip("addr", "replace", MARK, "dev", "lo")
        while not select.select([said], [], [], 0.05)[0]:
            assert time.monotonic() < deadline, "ip monitor hears nothing"
            host.ip("addr", "replace", MARK, "dev", "lo")
        try:
            yield lines
            host.ip("addr", "del", MARK, "dev", "lo")
            while MARK not in (line := said.readline()) or not line.startswith("Deleted"):
                if MARK not in line:
                    lines.append(line)
        finally:
            monitor.terminate()


def times_awake(pid: int) -> int:
    """How often a process has waited for something until now: no slow machine changes that."""
    told = Path(f"/proc/{pid}/status").read_text()
    return int(told.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def memory_mib(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def forwarded(host: Host, port: int) -> Iterator[None]:
    """Make a port of this machine's loopback reachable at the same port inside a host."""
    command = [sys.executable, "-c", _FORWARDER, str(port)]
    with host.inside():
        inside = socket.create_server(("127.0.0.1", port))
    process = subprocess.Popen([*command, str(inside.fileno())], pass_fds=[inside.fileno()])
    inside.close()
    try:
        yield
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)


_FORWARDER = """
import asyncio, socket, sys

async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()

async def serve(reader, writer):
    theirs = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    await asyncio.gather(pump(reader, theirs[1]), pump(theirs[0], writer), return_exceptions=True)

async def main():
    listening = socket.socket(fileno=int(sys.argv[2]))
    async with await asyncio.start_server(serve, sock=listening) as server:
        await server.serve_forever()

asyncio.run(main())
"""
