"""Hosts as network namespaces on one switch, and an independent look at their kernels.

The referee is iproute2's `ip`, so that the product's own netlink code is not its own judge.
"""

import itertools
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyroute2 import netns

from workers.failover.core.definitions import Definitions, Knobs, Node, Topology, Vip

CIDR, CIDR6 = "198.18.0.0/16", "2001:db8:77::/64"
ANCHOR = "192.0.2.1"
FOREVER = 0xFFFFFFFF
_numbers = itertools.count()


def run(*command: str, check: bool = True) -> str:
    """Run a program to its end; what it wrote."""
    return subprocess.run(command, check=check, capture_output=True, text=True).stdout


def batch(namespace: str, *lines: str) -> None:
    """Several `ip` commands at once."""
    command = ("ip", "-n", namespace, "-batch", "-")
    subprocess.run(command, check=True, capture_output=True, text=True, input="\n".join(lines))


@dataclass(frozen=True)
class Host:
    """One namespace with an interface `eth0`; its cable ends at `port` of `switch`."""

    name: str
    switch: str
    port: str
    number: int

    def attach(self) -> None:
        """Make `eth0`, with its own addresses, and plug its cable into the switch."""
        peer = f"peer name eth0 netns {self.name}"
        batch(
            self.switch,
            f"link add {self.port} type veth {peer}",
            f"link set {self.port} master br0 up",
        )
        batch(
            self.name,
            "link set lo up",
            "link set eth0 up",
            f"addr add 198.18.77.{self.number}/16 dev eth0",
            f"addr add 2001:db8:77::{self.number}/64 dev eth0 nodad",
        )

    def run(self, *command: str, check: bool = True) -> str:
        """Run a program inside."""
        return run("ip", "netns", "exec", self.name, *command, check=check)

    def ip(self, *arguments: str) -> str:
        """Run `ip` inside."""
        return run("ip", "-n", self.name, *arguments)

    def plug(self, plugged: bool) -> None:
        """Put the cable in, or pull it."""
        run("ip", "-n", self.switch, "link", "set", self.port, "up" if plugged else "down")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Be in this namespace: sockets opened here stay here, /proc/sys shows its settings."""
        with open("/proc/self/ns/net") as home:
            netns.setns(self.name)
            try:
                yield
            finally:
                netns.setns(home.fileno())

    @property
    def mac(self) -> str:
        """Link address of `eth0`."""
        return str(json.loads(self.ip("-j", "link", "show", "eth0"))[0]["address"])

    def addresses(self) -> dict[str, dict[str, Any]]:
        """Every address of `eth0` but link-local ones, by `ip -j`, in the kernel's order."""
        listed = json.loads(self.ip("-j", "addr", "show", "dev", "eth0"))[0]["addr_info"]
        return {a["local"]: a for a in listed if a["scope"] != "link"}

    def has(self, *addresses: str) -> bool:
        """Whether all of them are on `eth0`."""
        return set(addresses) <= self.addresses().keys()

    def prefix_lengths(self, *addresses: str) -> list[int]:
        """One for each time that one of them stands on `eth0`."""
        listed = json.loads(self.ip("-j", "addr", "show", "dev", "eth0"))[0]["addr_info"]
        return [a["prefixlen"] for a in listed if a["local"] in addresses]

    def valid_seconds(self, address: str) -> int:
        """What the kernel says of its lifetime: what is left, or FOREVER."""
        return int(self.addresses()[address]["valid_life_time"])

    def is_secondary(self, address: str) -> bool:
        """Whether an address hangs on another one."""
        return bool(self.addresses()[address].get("secondary", False))

    def promotion(self, value: int | None = None, interface: str = "eth0") -> int:
        """Read, or first write, `promote_secondaries`."""
        path = Path(f"/proc/sys/net/ipv4/conf/{interface}/promote_secondaries")
        with self.inside():
            if value is not None:
                path.write_text(str(value))
            return int(path.read_text())


@contextmanager
def hosts(count: int) -> Iterator[tuple[Host, ...]]:
    """Hosts 198.18.77.1, .2, ... (and 2001:db8:77::1, ...) on one switch."""
    if os.geteuid() != 0:
        pytest.fail("these tests make network namespaces: run them as root (sudo script/test)")
    with ExitStack() as stack:
        switch = _namespace(stack)
        batch(switch, "link add br0 type bridge", "link set br0 up")
        made = []
        for number in range(1, count + 1):
            host = Host(_namespace(stack), switch, f"port{number}", number)
            with host.inside():
                Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0")
            host.attach()
            made.append(host)
        yield tuple(made)


def _namespace(stack: ExitStack) -> str:
    name = f"mt-kernel-{os.getpid()}-{next(_numbers)}"
    netns.create(name)
    stack.callback(netns.remove, name)
    return name


def define(
    *vips: str, lease_ttl: int = 1, interface: str = "eth0", witnesses: tuple[str, ...] = ()
) -> Definitions:
    """Three nodes on the segment, `one` to `three`, and these VIPs."""
    return Definitions(
        cluster="t",
        subcluster="default",
        revision=1,
        knobs=Knobs(lease_ttl=lease_ttl),
        topologies=(
            Topology(CIDR, interface, witnesses),
            Topology(CIDR6, interface),
        ),
        nodes={
            name: Node(name, f"198.18.77.{number}")
            for number, name in enumerate(("one", "two", "three"), 1)
        },
        vips={vip: Vip(vip) for vip in vips},
    )


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> float:
    """Wait for a condition; the monotonic instant at which it was seen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.005)
    return time.monotonic()
