"""Logs in a lab: what the nodes ship and to whom, and the files and programs that does it with.

A shipper sees its own host's directory under one path, `this-host`, in a mount namespace of its
own: so one path in the definitions is each node's own file, as it is on real hosts. The first
collector runs on the manager's host, where its files are read; each other one has a host.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from workers.lab.broker_files import SUBCLUSTER
from workers.lab.commands import tool
from workers.lab.core.hosts import Host, Role, collector_names
from workers.lab.secret_files import write_secret
from workers.lab.state import Record, directory
from workers.lab.supervision import Program, python_program
from workers.logs.core.definitions import Logs, Source, Subscriber

SHIPPER, COLLECTOR, ROTATION = "shipper", "collector", "rotation"
MAILLOG = "maillog/mail.log"
"""Postfix's log, below a node's directory."""
BACKLOG_BYTES = 64 << 20
"""What a node keeps for a collector that is away: a lab's disk is often memory."""
KEEP_BYTES = 256 << 20
_MOUNTED = 'mount --bind "$0" "$1" && shift && exec "$@"'


def ships(record: Record) -> bool:
    """Whether its nodes read their mail logs: for collectors, or for limits."""
    return bool(record.collectors or (record.limits and record.mail))


def logs_of(record: Record) -> Logs:
    """What the lab's nodes ship, and to whom."""
    names = collector_names(record.collectors)
    sources = [Source("mail", str(_this_host(record) / MAILLOG))] * (record.mail and ships(record))
    return Logs(tuple(sources), tuple(Subscriber(name, BACKLOG_BYTES) for name in names))


def maillog_of(record: Record, node: str) -> Path:
    """Where a node's Postfix writes its log, if its nodes read them."""
    return directory(record.name) / node / MAILLOG


def status_file(record: Record, node: str) -> Path:
    """What a node's shipper says of itself."""
    return directory(record.name) / node / "state" / "logs-status.json"


def destination_of(record: Record, name: str) -> str:
    """Template of a collector's files. By the hour: so that old ones can go while the lab is up."""
    return f"{_home(record, name)}/%Y/%m/%d/%H/%{{l}}/%{{s}}/%{{n}}"


def collector_on(record: Record, host: Host) -> str:
    """The name of the collector that runs on a host; empty: none."""
    names = collector_names(record.collectors)
    if host.role is Role.MANAGER and names:
        return names[0]
    return host.name if host.role is Role.COLLECTOR else ""


def shipper_program(record: Record, host: Host, settings: Path) -> Program:
    """What ships a node's logs."""
    _this_host(record).mkdir(mode=0o755, exist_ok=True)
    program = python_program(SHIPPER, "workers.shipper", "--config", str(settings))
    places = (str(directory(record.name) / host.name), str(_this_host(record)))
    words = (tool("unshare"), "--mount", tool("sh"), "-c", _MOUNTED, *places, *program.arguments)
    return Program(SHIPPER, words)


def rotation_program(record: Record, host: Host, postfix_directory: Path) -> Program:
    """What keeps a node's mail log from filling the disk."""
    log = maillog_of(record, host.name)
    return python_program(ROTATION, "workers.lab.rotation", str(postfix_directory), str(log))


def collector_program(record: Record, host: Host, brokers: Sequence[str], key: Path) -> Program:
    """Write collector.toml of the collector on this host, and answer what runs it."""
    name = collector_on(record, host)
    settings = {
        "name": name,
        "cluster": record.name,
        "subclusters": [SUBCLUSTER],
        "brokers": list(brokers),
        "key_file": str(key),
        "destination": destination_of(record, name),
        "state_directory": str(_state(record, name)),
        "compress": True,
        "keep_bytes": KEEP_BYTES,
    }
    file = directory(record.name) / host.name / "collector.toml"
    write_secret(file, "".join(f"{key} = {json.dumps(each)}\n" for key, each in settings.items()))
    return python_program(COLLECTOR, "workers.logs.collector", "--config", str(file))


def manager_environment(record: Record) -> dict[str, str]:
    """Where the manager reads what the collector on its host has."""
    names = collector_names(record.collectors)
    if not names:
        return {}
    return {
        "MUSTER_LOGS_DESTINATION": destination_of(record, names[0]),
        "MUSTER_LOGS_INDEX": str(_state(record, names[0]) / "index"),
        "MUSTER_MAIL_COUNTS": str(_state(record, names[0]) / "mail.sqlite3"),
    }


def _this_host(record: Record) -> Path:
    return directory(record.name) / "this-host"


def _home(record: Record, name: str) -> Path:
    """Where a collector has its files."""
    first = collector_names(record.collectors)[0]
    host = record.names(Role.MANAGER)[0] if name == first else name
    return directory(record.name) / host / "logs"


def _state(record: Record, name: str) -> Path:
    return _home(record, name).with_name("collector")
