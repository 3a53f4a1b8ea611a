"""The lab's brokers: their programs and the addresses nodes are told."""

from collections.abc import Mapping

from workers.lab.core.hosts import Role
from workers.lab.state import Record
from workers.lab.supervision import Program


def programs(record: Record, passwords: Mapping[str, str]) -> dict[str, list[Program]]:
    """What runs on each broker host."""
    return {}


def addresses(record: Record, node: str, password: str) -> list[str]:
    """AMQP addresses for a node's NODE.toml."""
    hosts = [host for host in record.hosts if host.role is Role.BROKER]
    return [f"amqp://{node}:{password}@{host.address}:5672/" for host in hosts]
