"""NODE.toml: who this node is, where its files are, and which brokers it may use.

Read once at the start. Whatever is wrong is one sentence with the file, the setting and the way
out; the cluster's own settings (knobs, VIPs) are in the definitions.
"""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from workers.failover.errors import FailoverError


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


def read_settings(path: Path) -> Settings:
    """Read and check NODE.toml; raises `SettingsError`."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: is not TOML: {error}") from error
    names = [field.name for field in fields(Settings)]
    for name in values:
        if name not in names:
            raise SettingsError(f"{path}: {name} is no setting; known are {', '.join(names)}")
    for name in names[:-1]:
        if not isinstance(values.get(name), str) or not values[name]:
            raise SettingsError(f'{path}: {name} is missing or no text; write {name} = "..."')
    brokers = values.get("brokers", [])
    if not isinstance(brokers, list) or not all(isinstance(url, str) for url in brokers):
        raise SettingsError(f'{path}: brokers is no list; write brokers = ["amqp://..."]')
    return Settings(
        cluster=values["cluster"],
        subcluster=values["subcluster"],
        node=values["node"],
        state_directory=Path(values["state_directory"]),
        key_file=Path(values["key_file"]),
        socket=Path(values["socket"]),
        brokers=tuple(brokers),
    )
