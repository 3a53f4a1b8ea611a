#!/usr/bin/env python3
"""Makes what the compose files mount and no repository should hold, into compose/secrets.

The cluster key, one broker account per node with its own password, and each node's settings with
that password inside. Existing secrets are kept: remove the directory to make new ones.
"""

import hashlib
import json
import secrets
import sys
from base64 import b64encode
from pathlib import Path

CLUSTER = "compose"
NODES = ("mta1", "mta2", "mta3")
BROKERS = ("198.18.240.251", "198.18.240.252", "198.18.240.253")
ROOM = "muster.compose.default.heartbeat"
QUEUES = r"amq\.gen-.*"


def main(directory: Path) -> int:
    """Write everything; refuse to overwrite."""
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        print(f"{directory} exists: kept; remove it to make new secrets", file=sys.stderr)
        return 3
    passwords = {node: secrets.token_urlsafe(24) for node in NODES}
    write(directory / "cluster.key", secrets.token_hex(32) + "\n")
    write(directory / "erlang.cookie", secrets.token_hex(16))
    write(directory / "broker.json", json.dumps(broker_definitions(passwords), indent=2) + "\n")
    for count, kind in ((1, "one"), (3, "three")):
        for node, password in passwords.items():
            write(directory / f"{node}-{kind}.toml", settings(node, password, BROKERS[:count]))
    return 0


def write(path: Path, text: str) -> None:
    """Write a file for its owner alone."""
    path.touch(mode=0o600)
    path.write_text(text)


def broker_definitions(passwords: dict[str, str]) -> dict[str, object]:
    """What RabbitMQ loads at its start: the room, and accounts that may use nothing else."""
    room = {"name": ROOM, "vhost": "/", "type": "fanout", "durable": True, "auto_delete": False}
    both = f"^({QUEUES}|{ROOM.replace('.', '[.]')})$"
    allowed = {"vhost": "/", "configure": f"^{QUEUES}$", "write": both, "read": both}
    return {
        "vhosts": [{"name": "/"}],
        "exchanges": [room | {"internal": False, "arguments": {}}],
        "users": [
            {
                "name": node,
                "password_hash": password_hash(password),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": [],
            }
            for node, password in passwords.items()
        ],
        "permissions": [{"user": node} | allowed for node in passwords],
    }


def password_hash(password: str) -> str:
    """RabbitMQ's form: four bytes of salt and SHA-256 of salt and password, in base64."""
    salt = secrets.token_bytes(4)
    return b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def settings(node: str, password: str, brokers: tuple[str, ...]) -> str:
    """A node's node.toml."""
    values = {
        "cluster": CLUSTER,
        "subcluster": "default",
        "node": node,
        "state_directory": "/var/lib/muster",
        "key_file": "/run/secrets/cluster_key",
        "brokers": [f"amqp://{node}:{password}@{broker}:5672/" for broker in brokers],
        "socket": "/run/muster/muster.sock",
    }
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


if __name__ == "__main__":
    default = Path(__file__).resolve().parent / "secrets"
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else default))
