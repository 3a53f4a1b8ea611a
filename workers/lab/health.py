"""How a lab is: what its agents say of themselves, whether its brokers speak, whether mail flows.

Asking is done for all hosts at once and never waits longer than `ASK_SECONDS`; who does not answer
is None. What is still missing is said in sentences, so that whoever waits can show them.
"""

import ipaddress
import json
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pyroute2 import netns

from workers.lab import rabbitmq
from workers.lab.configuration import live_revision
from workers.lab.core.hosts import Host, Role, namespace
from workers.lab.counters import read_counters
from workers.lab.host_files import config_directory, counters_file, host_directory
from workers.lab.limit_health import Told as Limits
from workers.lab.limit_health import look_at_limits
from workers.lab.limit_health import missing_in as missing_in_limits
from workers.lab.log_health import Shippers, look_at_shippers
from workers.lab.log_health import missing_in as missing_in_logs
from workers.lab.manager_health import ManagerHealth, look_at_manager, missing_in
from workers.lab.state import Record

ASK_SECONDS = 0.5
MOST_VIPS_AWAITED = 60
"""With more, a round of the traffic takes too long to wait for: a mail by every node will do."""
MANY_VIPS = 256
"""With more, agents are asked only for what they hold: to tell of every VIP costs them much."""
_ANSWER_BYTES = 1 << 16
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Holding:
    """A VIP that a node says its kernel has; `held_seconds` long, for `reason`."""

    node: str
    held_seconds: float
    reason: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Health:
    """What was seen at one instant."""

    agents: Mapping[str, dict[str, Any] | None]
    brokers: Mapping[str, bool]
    traffic: Mapping[str, Any]
    sink: Mapping[str, Any]
    manager: ManagerHealth | None = None
    configuration: Mapping[str, int | None] = field(default_factory=dict)
    """The revision whose files each node runs; 0: those laid down, None: none."""
    shippers: Shippers = field(default_factory=dict)
    limits: Limits = field(default_factory=dict)

    def vips(self, record: Record) -> tuple[str, ...]:
        """What the nodes know as VIPs: those of the bring-up, until somebody changes them."""
        known = {vip for agent in self.agents.values() for vip in (agent or {}).get("vips", ())}
        if len(record.vips) > MANY_VIPS:
            known.update(record.vips)
        return tuple(sorted(known, key=_place)) or record.vips

    def holders(self, vip: str) -> list[Holding]:
        """Every node that says it holds the VIP itself."""
        found = []
        for node, agent in self.agents.items():
            picture = (agent or {}).get("vips", {}).get(vip, {})
            if agent is not None and picture.get("owner") == node:
                since, epoch = picture.get("since") or 0.0, picture.get("epoch", 0)
                found.append(Holding(node, since, picture.get("reason", ""), epoch))
        return found


def look(record: Record) -> Health:
    """Ask everybody."""
    with ThreadPoolExecutor(max_workers=len(record.hosts)) as pool:
        agents = {n: pool.submit(_ask_agent, record, n) for n in record.names(Role.NODE)}
        hosts = [host for host in record.hosts if host.role is Role.BROKER]
        brokers = {h.name: pool.submit(_broker_speaks, record, h) for h in hosts}
        manager = pool.submit(look_at_manager, record)
    return Health(
        agents={name: answer.result() for name, answer in agents.items()},
        brokers={name: answer.result() for name, answer in brokers.items()},
        traffic=read_counters(counters_file(record, "client")),
        sink=read_counters(counters_file(record, "sink")),
        manager=manager.result(),
        configuration={
            name: live_revision(config_directory(record, name)) for name in record.names(Role.NODE)
        },
        shippers=look_at_shippers(record),
        limits=look_at_limits(record),
    )


def missing(record: Record, health: Health) -> list[str]:
    """What is not as it should be in a lab without faults; empty when all is green."""
    found = [f"agent of {name} does not answer" for name, a in health.agents.items() if a is None]
    found += [f"{name} does not speak AMQP" for name, up in health.brokers.items() if not up]
    for name, agent in health.agents.items():
        state = (agent or {}).get("state", "ready")
        if state != "ready":
            found.append(f"{name} is {state}")
        if record.names(Role.BROKER) and not (agent or {}).get("rings", {}).get("a", True):
            found.append(f"{name} has no connection to a broker")
    loads = dict.fromkeys(record.names(Role.NODE), 0)
    unowned = 0
    vips = health.vips(record)
    for vip in vips:
        holders = health.holders(vip)
        unowned += not holders
        for holder in holders:
            loads[holder.node] += 1
    if unowned:
        found.append(f"{unowned} of {len(vips)} VIPs have no owner")
    elif max(loads.values()) - min(loads.values()) > 1:
        found.append("VIPs are not spread evenly: " + "/".join(map(str, loads.values())))
    if record.mail:
        found += _missing_mail(record, health)
    if health.manager is not None:
        found += missing_in(health.manager) + _missing_configuration(health)
    return found + missing_in_logs(record, health.shippers) + missing_in_limits(health.limits)


def _place(vip: str) -> tuple[int, int]:
    address = ipaddress.ip_address(vip)
    return address.version, int(address)


def _missing_mail(record: Record, health: Health) -> list[str]:
    found = []
    heard = health.traffic.get("last_node", {})
    wanted = set(record.vips) & set(health.vips(record))
    unheard = wanted - set(heard)
    if not heard:
        found.append("no mail is accepted yet")
    elif unheard and len(wanted) <= MOST_VIPS_AWAITED:
        found.append(f"no mail is accepted yet by {', '.join(sorted(unheard))}")
    silent = set(record.names(Role.NODE)) - set(health.sink.get("by_node", {}))
    if silent:
        found.append(f"the sink has no mail yet from {', '.join(sorted(silent))}")
    return found


def _missing_configuration(health: Health) -> list[str]:
    waiting = [name for name, revision in health.configuration.items() if not revision]
    what = "no revision of the configuration is live yet on"
    return [f"{what} {', '.join(waiting)}"] if waiting else []


def in_namespace(name: str, make: Callable[[], Made]) -> Made:
    """Do something inside a namespace; a socket made there stays there wherever it is used."""
    made: list[Made] = []

    def enter() -> None:
        netns.setns(name)
        made.append(make())

    # The namespace belongs to the thread, so a thread of its own is left behind in it.
    thread = threading.Thread(target=enter, name=f"in {name}")
    thread.start()
    thread.join()
    if not made:
        raise OSError(f"nothing was made in network namespace {name}: the lines above say why")
    return made[0]


def ask(path: Path, question: Mapping[str, Any]) -> dict[str, Any] | None:
    """Put a question to an agent's UNIX socket: a JSON line there, a JSON line back."""
    try:
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(ASK_SECONDS)
            door.connect(str(path))
            door.sendall(json.dumps(question).encode() + b"\n")
            answer = _line(door)
        found = json.loads(answer)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _line(door: socket.socket) -> bytes:
    pieces = []
    while piece := door.recv(_ANSWER_BYTES):
        pieces.append(piece)
        if piece.endswith(b"\n"):
            break
    return b"".join(pieces)


def _ask_agent(record: Record, node: str) -> dict[str, Any] | None:
    command = "held" if len(record.vips) > MANY_VIPS else "status"
    return ask(host_directory(record, node) / "muster.sock", {"command": command})


def _broker_speaks(record: Record, host: Host) -> bool:
    """Whether the broker answers AMQP's greeting; asked on its own host, whatever is cut."""
    try:
        with in_namespace(namespace(record.name, host.name), socket.socket) as door:
            door.settimeout(ASK_SECONDS)
            door.connect((host.address, rabbitmq.AMQP_PORT))
            door.sendall(rabbitmq.GREETING)
            return bool(door.recv(1))
    except OSError:
        return False
