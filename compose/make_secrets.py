#!/usr/bin/env python3
"""Makes what the compose files mount and no repository should hold, into compose/secrets.

The cluster key, one broker account per node, one for the manager and one with which it makes more,
each with its own password, what nodes and manager must know, and the first login. Existing
secrets are kept: remove the directory to make new ones.
"""

import hashlib
import json
import secrets
import shlex
import sys
from base64 import b64encode
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from workers.bus.permissions import (  # found by the line above
    Permissions,
    manager_permissions,
    node_permissions,
    rooms_of,
)

CLUSTER, SUBCLUSTER = "compose", "default"
NODES = ("mta1", "mta2", "mta3")
BROKERS = ("198.18.240.251", "198.18.240.252", "198.18.240.253")
MANAGER, ADMINISTRATOR = "manager", "administrator"


def main(directory: Path) -> int:
    """Write everything; refuse to overwrite."""
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        print(f"{directory} exists: kept; remove it to make new secrets", file=sys.stderr)
        return 3
    passwords = {name: secrets.token_urlsafe(24) for name in (*NODES, MANAGER, ADMINISTRATOR)}
    write(directory / "cluster.key", secrets.token_hex(32) + "\n")
    write(directory / "erlang.cookie", secrets.token_hex(16))
    write(directory / "broker.json", json.dumps(broker_definitions(passwords), indent=2) + "\n")
    write(directory / "admin.password", secrets.token_hex(8) + "\n")
    secret_key = secrets.token_urlsafe(48)
    for count, kind in ((1, "one"), (3, "three")):
        urls = {name: addresses(name, word, BROKERS[:count]) for name, word in passwords.items()}
        for node in NODES:
            write(directory / f"{node}-{kind}.toml", settings(node, urls[node]))
        management = managements(passwords[ADMINISTRATOR], BROKERS[:count])
        text = environment(secret_key, urls[MANAGER], management)
        write(directory / f"manager-{kind}.env", text)
    return 0


def write(path: Path, text: str) -> None:
    """Write a file for its owner alone."""
    path.touch(mode=0o600)
    path.write_text(text)


def broker_definitions(passwords: dict[str, str]) -> dict[str, object]:
    """What RabbitMQ loads at its start: the rooms, and accounts that may use nothing else."""
    room = {"vhost": "/", "type": "fanout", "durable": True, "auto_delete": False}
    return {
        "vhosts": [{"name": "/"}],
        "exchanges": [
            room | {"name": name, "internal": False, "arguments": {}}
            for name in rooms_of(CLUSTER, SUBCLUSTER)
        ],
        "users": [
            {
                "name": name,
                "password_hash": password_hash(password),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": ["administrator"] if name == ADMINISTRATOR else [],
            }
            for name, password in passwords.items()
        ],
        "permissions": [{"user": name, "vhost": "/"} | asdict(allowed(name)) for name in passwords],
    }


def allowed(name: str) -> Permissions:
    """What an account may make, write to and read from: docs/reference/node.md."""
    if name == ADMINISTRATOR:
        return Permissions(".*", ".*", ".*")
    if name == MANAGER:
        return manager_permissions(CLUSTER)
    return node_permissions(CLUSTER, SUBCLUSTER, name)


def addresses(name: str, password: str, brokers: tuple[str, ...]) -> list[str]:
    """Every broker, as one account is told them."""
    return [f"amqp://{name}:{password}@{broker}:5672/" for broker in brokers]


def managements(password: str, brokers: tuple[str, ...]) -> list[str]:
    """Every broker's management port, where the manager makes accounts for nodes that join."""
    return [f"http://{ADMINISTRATOR}:{password}@{broker}:15672" for broker in brokers]


def password_hash(password: str) -> str:
    """RabbitMQ's form: four bytes of salt and SHA-256 of salt and password, in base64."""
    salt = secrets.token_bytes(4)
    return b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def environment(secret_key: str, brokers: list[str], management: list[str]) -> str:
    """What the manager's start script reads; the port is published on this machine alone."""
    values = {
        "DJANGO_SETTINGS_MODULE": "cluster_admin.settings.production",
        "MUSTER_CLUSTER": CLUSTER,
        "MUSTER_SECRET_KEY": secret_key,
        "MUSTER_ALLOWED_HOSTS": "127.0.0.1,localhost,198.18.240.231",
        "MUSTER_PUBLIC_URL": "http://127.0.0.1:8025",
        "MUSTER_PLAIN_HTTP": "1",
        "MUSTER_DATA_DIRECTORY": "/var/lib/muster",
        "MUSTER_KEY_FILE": "/run/secrets/cluster_key",
        "MUSTER_BROKER_URL": ",".join(brokers),
        "MUSTER_BROKER_MANAGEMENT_URL": ",".join(management),
    }
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def settings(node: str, brokers: list[str]) -> str:
    """A node's node.toml."""
    values = {
        "cluster": CLUSTER,
        "subcluster": SUBCLUSTER,
        "node": node,
        "state_directory": "/var/lib/muster",
        "key_file": "/run/secrets/cluster_key",
        "brokers": brokers,
        "socket": "/run/muster/muster.sock",
    }
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


if __name__ == "__main__":
    default = Path(__file__).resolve().parent / "secrets"
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else default))
