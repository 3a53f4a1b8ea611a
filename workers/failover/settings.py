"""NODE.toml: who this node is, where its files are, and which brokers it may use.

Read once at the start. Whatever is wrong is one sentence with file, line and the way out; the
cluster's own settings (knobs, VIPs) are in the definitions.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from workers.failover.core.definitions_rules import check_label
from workers.failover.core.toml_text import Problem, Table, line_of, load
from workers.failover.errors import FailoverError

CONFIGURATION = "configuration"
"""A table that is the worker's: `workers.config.settings` reads it."""
USUAL_COMMANDS = Path("/etc/muster/commands")
SOCKET_PATH_BYTES = 107
"""What Linux allows for the path of a UNIX socket."""
REPLICATION = "replication"
"""A table that is the replicating worker's: `workers.replication.settings` reads it."""
T = TypeVar("T")


class SettingsError(FailoverError):
    """NODE.toml cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What NODE.toml says."""

    cluster: str
    subcluster: str
    node: str
    state_directory: Path
    """Incarnation, definitions and events; written by the consumer alone."""
    key_file: Path
    """Cluster keys, mode 0600."""
    socket: Path
    """The local door of `muster node`."""
    brokers: tuple[str, ...] = ()
    """AMQP URLs, tried in turn; empty: ring B alone."""
    commands: Path = USUAL_COMMANDS
    """Directory of the programs that definitions may have this node run."""


def read_settings(path: Path) -> Settings:
    """Read and check NODE.toml; raises `SettingsError`."""
    return read_file(path, _settings)


def read_file(path: Path, read: Callable[[Table], T]) -> T:
    """What `read` makes of a file of TOML; raises `SettingsError`, also for its `Problem`s."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        way = "name another file with --config"
        raise SettingsError(f"{path}: cannot be read: {error.strerror}; {way}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8 text; write it again") from error
    try:
        return read(load(text))
    except Problem as problem:
        line = problem.line or line_of(text, problem.path)
        raise SettingsError(f"{path}:{line}: {problem.sentence}") from None


def _settings(top: Table) -> Settings:
    top.allow(*(field.name for field in fields(Settings)), CONFIGURATION, REPLICATION)
    door = _path(top, "socket")
    if len(bytes(door)) > SOCKET_PATH_BYTES:
        way = f"the system allows {SOCKET_PATH_BYTES} bytes, choose a shorter path"
        raise top.problem("socket", f"socket {door} is too long; {way}")
    node = top.text("node")
    check_label(node, ("node",), "node")
    return Settings(
        cluster=top.text("cluster"),
        subcluster=top.text("subcluster"),
        node=node,
        state_directory=_path(top, "state_directory"),
        key_file=_path(top, "key_file"),
        socket=door,
        brokers=top.texts("brokers"),
        commands=_path(top, "commands") if "commands" in top else USUAL_COMMANDS,
    )


def _path(top: Table, key: str) -> Path:
    text = top.text(key)
    if not text.startswith("/") or "\0" in text:
        raise top.problem(key, f"{key} is {text!r}; write the whole path, from / on")
    return Path(text)
