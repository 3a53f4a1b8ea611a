"""The table `[replication]` of NODE.toml: where MTAs ask this node, and where its counts are kept.

Everything has a default. The keys are those of docs/reference/node.md.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

KEYS = ("policy_socket", "policy_port", "limits_socket", "limits_port", "directory")
POLICY_PORT, LIMITS_PORT = 7412, 7413
PORT_MAX = 65_535
SOCKET_PATH_BYTES = 107
"""What Linux allows for the path of a UNIX socket."""


class Table(Protocol):
    """A table of TOML, such as `failover.core.toml_text.Table`."""

    def allow(self, *keys: str) -> None:
        """Refuse every other key."""

    def text(self, key: str, default: str | None = None) -> str:
        """A text."""

    def whole(self, key: str, default: int | None, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""

    def problem(self, key: str, sentence: str) -> Exception:
        """What to raise about the value of a key."""


@dataclass(frozen=True, slots=True)
class Places:
    """What the table says. A port is of loopback; 0: none is opened."""

    policy_socket: Path
    """Where Postfix asks."""
    limits_socket: Path
    """Where other MTAs and `muster` ask."""
    directory: Path
    """Journal and snapshot."""
    policy_port: int = POLICY_PORT
    limits_port: int = LIMITS_PORT


def places(table: Table, state: Path, door: Path) -> Places:
    """Read the table; `state`: the node's state directory, `door`: the agent's socket.

    Raises what the table raises.
    """
    table.allow(*KEYS)
    return Places(
        policy_socket=_socket(table, "policy_socket", door.with_name("policy.sock")),
        limits_socket=_socket(table, "limits_socket", door.with_name("limits.sock")),
        directory=_path(table, "directory", state / "replication"),
        policy_port=table.whole("policy_port", POLICY_PORT, 0, PORT_MAX),
        limits_port=table.whole("limits_port", LIMITS_PORT, 0, PORT_MAX),
    )


def _socket(table: Table, key: str, usual: Path) -> Path:
    found = _path(table, key, usual)
    if len(bytes(found)) > SOCKET_PATH_BYTES:
        way = f"the system allows {SOCKET_PATH_BYTES} bytes, choose a shorter path"
        raise table.problem(key, f"{key} {found} is too long; {way}")
    return found


def _path(table: Table, key: str, usual: Path) -> Path:
    text = table.text(key, str(usual))
    if not text.startswith("/") or "\0" in text:
        raise table.problem(key, f"{key} is {text!r}; write the whole path, from / on")
    return Path(text)
