"""How the logs of a lab are: what each node's shipper says of itself, and what is still missing."""

from collections.abc import Mapping
from typing import Any

from workers.lab.core.hosts import Role, collector_names
from workers.lab.counters import read_counters
from workers.lab.log_files import status_file
from workers.lab.state import Record

Shippers = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Node -> subscriber -> what the node's shipper says of it."""


def look_at_shippers(record: Record) -> Shippers:
    """Read what they wrote last; nothing in a lab without collectors."""
    return {name: _told(record, name) for name in record.names(Role.NODE) if record.collectors}


def missing_in(record: Record, shippers: Shippers) -> list[str]:
    """What is not as it should be; empty when every node ships to every collector."""
    found = []
    for collector in collector_names(record.collectors):
        silent = [node for node, told in shippers.items() if not _well(record, told, collector)]
        if silent:
            found.append(f"{collector} has no logs yet of {', '.join(silent)}")
    return found


def _told(record: Record, node: str) -> dict[str, Mapping[str, Any]]:
    found = read_counters(status_file(record, node)).get("subscribers", ())
    return {str(one["name"]): one for one in found}


def _well(record: Record, told: Mapping[str, Mapping[str, Any]], collector: str) -> bool:
    """Whether the collector has begun to keep what the node ships to it."""
    one = told.get(collector, {})
    kept = [source.get("kept", 0) > 0 for source in one.get("sources", ())]
    return bool(one.get("connected")) and (any(kept) or not record.mail)
