"""A private broker that tests start, ill-treat and take down without remains."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from workers.bus.exchanges import (
    MANAGER_ACCOUNT,
    control_exchange,
    events_exchange,
    heartbeat_exchange,
)
from workers.lab.rabbitmq import (
    Account,
    Broker,
    arguments,
    environment,
    lay_down,
    make_cookie,
    password_hash,
    port_mapper_arguments,
    wait_ready,
)

START_SECONDS = 60.0
STOP_SECONDS = 15.0
CLUSTER, SUBCLUSTER = "test", "default"
NODES = ("mta1", "mta2", "mta3")
LOOPBACK = "127.0.0.1"


@dataclass
class RunningBroker:
    """A private broker, on loopback or in a namespace, that can be killed and started again."""

    broker: Broker
    namespace: str = ""
    mapper: subprocess.Popen[bytes] | None = None
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def laid_down(cls, directory: Path) -> "RunningBroker":
        """A broker of its own with free ports, not yet started."""
        room = heartbeat_exchange(CLUSTER, SUBCLUSTER)
        accounts = tuple(Account(node, f"secret-{node}", (room,)) for node in NODES)
        port, distribution_port, epmd_port = free_ports(3)
        ports = {"distribution_port": distribution_port, "epmd_port": epmd_port}
        broker = Broker(directory, LOOPBACK, make_cookie(), accounts, port=port, **ports)
        lay_down(broker)
        grant(broker)
        return cls(broker)

    def url(self, node: str) -> str:
        """The address a node, or the manager, is told."""
        return self.broker.url(Account(node, f"secret-{node}", ()))

    def start(self) -> None:
        """Start both processes, without waiting."""
        settings = environment(self.broker)
        inside = ("ip", "netns", "exec", self.namespace) if self.namespace else ()
        with (self.broker.directory / "output").open("ab") as output:
            if self.mapper is None:
                self.mapper = subprocess.Popen(
                    (*inside, *port_mapper_arguments(self.broker)),
                    env=settings,
                    stdout=output,
                    stderr=output,
                )
            self.process = subprocess.Popen(
                (*inside, *arguments()),
                env=settings,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Wait until it speaks."""
        wait_ready(LOOPBACK, self.broker.port, time.monotonic() + START_SECONDS)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the broker."""
        assert self.process is not None
        os.killpg(self.process.pid, number)
        if number is signal.SIGKILL:
            self.process.wait(STOP_SECONDS)

    def stop(self) -> None:
        """Kill both processes: what they hold is of no use to anybody."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGKILL)
        if self.mapper is not None:
            self.mapper.kill()
            self.mapper.wait(STOP_SECONDS)
        self.process = self.mapper = None


def grant(broker: Broker) -> None:
    """Give nodes and a manager the rights that docs/reference/node.md names, and their rooms."""
    path = broker.directory / "definitions.json"
    made = json.loads(path.read_text())
    salt = secrets.token_bytes(4)
    password = password_hash(f"secret-{MANAGER_ACCOUNT}", salt)
    manager = {**made["users"][0], "name": MANAGER_ACCOUNT, "password_hash": password}
    rooms = (events_exchange(CLUSTER, SUBCLUSTER), control_exchange(CLUSTER, SUBCLUSTER))
    made["users"] = [user for user in made["users"] if user["name"] != MANAGER_ACCOUNT] + [manager]
    made["permissions"] = [_node_rights(node) for node in NODES] + [_manager_rights()]
    known = {exchange["name"] for exchange in made["exchanges"]}
    made["exchanges"] += [{**made["exchanges"][0], "name": name} for name in set(rooms) - known]
    path.write_text(json.dumps(made))


def _node_rights(node: str) -> dict[str, str]:
    prefix = rf"muster\.{CLUSTER}\.{SUBCLUSTER}\."
    own = rf"amq\.gen-.*|node\.{node}"
    return {
        "user": node,
        "vhost": "/",
        "configure": f"^({own})$",
        "write": rf"^(amq\.gen-.*|{prefix}(heartbeat|events))$",
        "read": f"^({own}|{prefix}(heartbeat|control))$",
    }


def _manager_rights() -> dict[str, str]:
    rooms = r"muster\..*\.(events|control)"
    return {
        "user": MANAGER_ACCOUNT,
        "vhost": "/",
        "configure": rf"^(amq\.gen-.*|manager|node\..*|{rooms})$",
        "write": rf"^(amq\.gen-.*|amq\.default|manager|{rooms})$",
        "read": rf"^(amq\.gen-.*|manager|{rooms})$",
    }


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
