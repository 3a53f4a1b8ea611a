"""The files and programs of each host: what an operator would install on it.

Nodes get NODE.toml, definitions.toml and the cluster key; every host gets the configuration of its
supervisor. Written before anything starts; a host that comes back after a power loss keeps them.
"""

import dataclasses
import json
import math
import secrets
from pathlib import Path

from workers.bus.exchanges import MANAGER_ACCOUNT
from workers.failover.core.definitions import Definitions, Knobs, Node, Topology, Vip
from workers.failover.core.definitions_rules import BOUNDS
from workers.failover.core.definitions_text import render
from workers.lab import (
    broker_files,
    configuration,
    keepalived,
    limit_files,
    log_files,
    manager_files,
    postfix,
)
from workers.lab.broker_files import SUBCLUSTER
from workers.lab.clocks import clock_environment, set_clock
from workers.lab.core.hosts import Host, Role, Software
from workers.lab.network import INTERFACE
from workers.lab.secret_files import write_secret
from workers.lab.state import Record, directory
from workers.lab.supervision import Program, python_program, write_configuration

AGENT, REPORTER, WORKER = "agent", "reporter", "worker"
SHORTEST_LEASE_SECONDS = 3
RESTART_SECONDS = 2
GREETING_SECONDS = 2
"""How long a Postfix may take to greet after a reload; in a lab nothing delays it on purpose."""
SAVE_SECONDS = 10
"""How often nodes look for edits of their live trees: whoever tries it out does not wait long."""


def host_directory(record: Record, host: str) -> Path:
    """Where the files of a host are."""
    return directory(record.name) / host


def node_file(record: Record, node: str) -> Path:
    """NODE.toml of a node."""
    return host_directory(record, node) / "node.toml"


def clock_file(record: Record, node: str) -> Path:
    """The file that says how far a node's wall clock is off."""
    return host_directory(record, node) / "clock"


def counters_file(record: Record, host: str) -> Path:
    """What the client's traffic or the sink counted."""
    return host_directory(record, host) / "counters.json"


def write_files(record: Record) -> None:
    """Write the files of all hosts."""
    for host in record.hosts:
        host_directory(record, host.name).mkdir(mode=0o755)
    write_secret(_key_file(record), secrets.token_hex(32) + "\n")
    passwords = {name: secrets.token_urlsafe(18) for name in broker_files.account_names(record)}
    definitions = render(definitions_of(record))
    brokers = broker_files.brokers_of(record, passwords)
    for host in record.hosts:
        if host.role is Role.NODE and record.software is Software.MUSTER:
            _write_node(record, host, broker_files.addresses(brokers, host.name), definitions)
        if host.role is Role.BROKER:
            programs = broker_files.lay_down(brokers[host.name])
        elif host.role is Role.MANAGER:
            programs = manager_files.lay_down(record, host, brokers, definitions, _key_file(record))
            tree = host_directory(record, host.name) / manager_files.CONFIGURATION
            configuration.write_tree(tree, configuration_of(record))
        else:
            programs = _programs(record, host)
        if log_files.collector_on(record, host):
            urls = broker_files.addresses(brokers, MANAGER_ACCOUNT)
            programs += [log_files.collector_program(record, host, urls, _key_file(record))]
        write_configuration(host_directory(record, host.name), programs)


def write_joined(record: Record, host: Host) -> None:
    """Write what a node that has just joined lacks: its configuration, and what runs on it."""
    settings = node_file(record, host.name)
    joined = settings.read_text().partition("[configuration]")[0]
    lines = "".join(f"{line}\n" for line in _configuration_lines(record, host))
    write_secret(settings, joined + lines)
    set_clock(clock_file(record, host.name), 0)
    write_configuration(host_directory(record, host.name), _node_programs(record, host))


def definitions_of(record: Record) -> Definitions:
    """What the lab's cluster should be."""
    dead_after = round(3 * record.heartbeat_interval, 6)
    lease = max(SHORTEST_LEASE_SECONDS, math.ceil(dead_after + RESTART_SECONDS))
    witnesses = tuple(h.address for h in record.hosts if h.role is Role.GATEWAY)
    most_balanced = int(BOUNDS["balance_set_size"][1])
    return Definitions(
        cluster=record.name,
        subcluster=SUBCLUSTER,
        revision=1,
        knobs=Knobs(
            heartbeat_interval=record.heartbeat_interval,
            dead_after=dead_after,
            lease_ttl=lease,
            # Who was ready first took most: thousands of VIPs are spread in one set.
            balance_set_size=max(Knobs().balance_set_size, min(len(record.vips), most_balanced)),
        ),
        topologies=(Topology(record.subnet, INTERFACE, witnesses),),
        nodes={h.name: Node(h.name, h.address) for h in record.hosts if h.role is Role.NODE},
        vips={vip: Vip(vip) for vip in record.vips},
        logs=log_files.logs_of(record),
        replication=limit_files.replication_of(record),
    )


def configuration_of(record: Record) -> dict[str, bytes]:
    """The tree that the lab's repository begins with; `{{ node.name }}` is in the paths of it."""
    sink = next(host.address for host in record.hosts if host.role is Role.SINK)
    node = "{{ node.name }}"
    place = configuration.Place(str(_postfix_home(record, node)), record.subnet, sink)
    place = dataclasses.replace(place, limits=limit_files.postfix_lines(record, node))
    if log_files.ships(record):
        place = dataclasses.replace(place, maillog=str(log_files.maillog_of(record, node)))
    return configuration.tree(place)


def config_directory(record: Record, node: str) -> Path:
    """Where a node has its trees, and which one is live."""
    return host_directory(record, node) / "state" / "config"


def _postfix_home(record: Record, node: str) -> Path:
    return host_directory(record, node) / "postfix"


def _key_file(record: Record) -> Path:
    return directory(record.name) / "cluster.key"


def _write_node(record: Record, host: Host, brokers: list[str], definitions: str) -> None:
    home = host_directory(record, host.name)
    state = home / "state"
    state.mkdir(mode=0o755)
    (state / "definitions.toml").write_text(definitions)
    set_clock(clock_file(record, host.name), 0)
    settings = {
        "cluster": record.name,
        "subcluster": SUBCLUSTER,
        "node": host.name,
        "state_directory": str(state),
        "key_file": str(_key_file(record)),
        "brokers": brokers,
        "socket": str(home / "muster.sock"),
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    lines += _configuration_lines(record, host)
    write_secret(node_file(record, host.name), "\n".join(lines) + "\n")


def _configuration_lines(record: Record, host: Host) -> list[str]:
    """What the worker of a node is told about its configuration; only a manager has any."""
    if not record.names(Role.MANAGER):
        return []
    if not record.mail:
        return ["[configuration]", 'profile = "nothing"', f"save_seconds = {SAVE_SECONDS}"]
    etc = postfix.directory_of(_postfix_home(record, host.name))
    return [
        "[configuration]",
        'profile = "postfix"',
        f"postfix_directory = {json.dumps(str(etc))}",
        f"subdirectory = {json.dumps(configuration.SUBDIRECTORY)}",
        f"address = {json.dumps(host.address)}",
        f"greeting_seconds = {GREETING_SECONDS}",
        f"save_seconds = {SAVE_SECONDS}",
    ]


def _programs(record: Record, host: Host) -> list[Program]:
    """What runs on a host that is neither broker nor manager."""
    counters = str(counters_file(record, host.name))
    if host.role is Role.NODE:
        return _node_programs(record, host)
    if record.mail and host.role is Role.SINK:
        return [python_program("sink", "workers.lab.sink", counters)]
    if record.mail and host.role is Role.CLIENT:
        return [python_program("traffic", "workers.lab.traffic", counters, *record.vips)]
    return []


def _node_programs(record: Record, host: Host) -> list[Program]:
    """The agent first; what only a manager needs, when there is one."""
    if record.software is Software.KEEPALIVED:
        echo = python_program("echo", "workers.lab.echo", host.name)
        return [keepalived.lay_down(record, host, host_directory(record, host.name), AGENT), echo]
    config = ("--config", str(node_file(record, host.name)))
    clock = clock_environment(clock_file(record, host.name))
    found = [python_program(AGENT, "workers.failover.consumer", *config, **clock)]
    if record.names(Role.MANAGER):
        found.append(python_program(REPORTER, "workers.failover.reporter", *config, **clock))
        found.append(python_program(WORKER, "workers.celery", *config))
    if record.limits:
        found.append(limit_files.metrics_program(node_file(record, host.name)))
    if log_files.ships(record):
        found.append(log_files.shipper_program(record, host, node_file(record, host.name)))
    found.append(python_program("echo", "workers.lab.echo", host.name))
    if record.mail:
        found += _mail_programs(record, host)
    return found


def _mail_programs(record: Record, host: Host) -> list[Program]:
    """A node's Postfix, and whatever rotates its log if that is a file."""
    home = _postfix_home(record, host.name)
    files = configuration.rendered(configuration_of(record), definitions_of(record), host.name)
    found = [postfix.prepare(home, config_directory(record, host.name), files)]
    if log_files.ships(record):
        log_files.maillog_of(record, host.name).parent.mkdir(mode=0o755)
        found.append(log_files.rotation_program(record, host, postfix.directory_of(home)))
    return found
