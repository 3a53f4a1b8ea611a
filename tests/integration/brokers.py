"""A private broker that tests start, ill-treat and take down without remains."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pika
from pika.exceptions import ChannelClosedByBroker

from workers.bus.exchanges import MANAGER_ACCOUNT, node_queue
from workers.bus.permissions import (
    Permissions,
    manager_permissions,
    node_permissions,
    rooms_of,
)
from workers.lab.rabbitmq import (
    Account,
    Broker,
    arguments,
    environment,
    lay_down,
    make_cookie,
    port_mapper_arguments,
    wait_ready,
)

START_SECONDS = 60.0
STOP_SECONDS = 15.0
CONTROL_SECONDS = 30.0
CLUSTER, SUBCLUSTER = "test", "default"
NODES = ("mta1", "mta2", "mta3")
LOOPBACK = "127.0.0.1"
ADMINISTRATOR = Account(
    "administrator", "secret-administrator", (), Permissions(".*", ".*", ".*"), administrator=True
)


@dataclass
class RunningBroker:
    """A private broker, on loopback or in a namespace, that can be killed and started again."""

    broker: Broker
    namespace: str = ""
    mapper: subprocess.Popen[bytes] | None = None
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def laid_down(
        cls, directory: Path, *, managed: bool = False, nodes: Sequence[str] = NODES
    ) -> "RunningBroker":
        """A broker of its own with free ports, not yet started; `managed`: over HTTP too."""
        accounts = tuple(map(account, (*nodes, MANAGER_ACCOUNT)))
        port, distribution_port, epmd_port, management_port = free_ports(4)
        ports = {"distribution_port": distribution_port, "epmd_port": epmd_port}
        if managed:
            accounts = (*accounts, ADMINISTRATOR)
            ports["management_port"] = management_port
        broker = Broker(directory, LOOPBACK, make_cookie(), accounts, port=port, **ports)
        lay_down(broker)
        return cls(broker)

    def url(self, node: str) -> str:
        """The address a node, or the manager, is told."""
        return self.broker.url(account(node))

    @property
    def management_url(self) -> str:
        """Where accounts are made, with the administrator's account; empty unless managed."""
        return self.broker.management_url(ADMINISTRATOR)

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

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until it speaks, over HTTP too if it is managed."""
        deadline = time.monotonic() + seconds
        wait_ready(LOOPBACK, self.broker.port, deadline)
        while self.broker.management_port and not listens(self.broker.management_port):
            assert time.monotonic() < deadline, "nobody listens on the management port"
            time.sleep(0.05)

    def control(self, expression: str) -> str:
        """Have the broker evaluate Erlang; what comes out. rabbitmqctl may take a minute."""
        name = environment(self.broker)["RABBITMQ_NODENAME"]
        said = subprocess.run(
            ["erl_call", "-name", name, "-c", self.broker.cookie, "-e"],
            input=expression + ".\n",
            env=environment(self.broker),
            check=True,
            capture_output=True,
            text=True,
            timeout=CONTROL_SECONDS,
        ).stdout
        assert said.startswith("{ok, "), said
        return said.removeprefix("{ok, ").removesuffix("}")

    def purge(self) -> None:
        """Throw away the tasks that wait for nodes: another cluster's, of a test before."""
        for node in NODES:
            with (
                contextlib.suppress(ChannelClosedByBroker),  # nobody has made that queue yet
                pika.BlockingConnection(pika.URLParameters(self.url(node))) as connection,
            ):
                connection.channel().queue_purge(node_queue(node))

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


def account(name: str) -> Account:
    """An account of a node or of the manager, with the rights that docs/reference/node.md names."""
    if name == MANAGER_ACCOUNT:
        rights = manager_permissions(CLUSTER)
    else:
        rights = node_permissions(CLUSTER, SUBCLUSTER, name)
    return Account(name, f"secret-{name}", rooms_of(CLUSTER, SUBCLUSTER), rights)


def listens(port: int) -> bool:
    """Whether somebody takes connections on a port of loopback."""
    with socket.socket() as door:
        return door.connect_ex((LOOPBACK, port)) == 0


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
