"""What a joining host is given: everything that makes it its node, as one value for its answer.

The account's password is made from token and attempt with the manager's secret key: the same pair
gives the same answer, from either of two managers, and no password is stored.
"""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from cluster_admin.inventory import repository
from cluster_admin.inventory.models import Node
from cluster_admin.joining import broker
from workers.bus.errors import BusError
from workers.bus.keys import load_keys

SALT = "muster.joining.account"
STATE, KEY, SOCKET = (
    *("/var/lib/muster/node", "/etc/muster/cluster.key"),
    "/run/muster/muster.sock",
)
"""Where the service units have them; a host with other places puts its own in."""


def password_of(token: str, attempt: str) -> str:
    """The password of the account: 256 bits that only the manager can make."""
    mac = salted_hmac(SALT, f"{token}\n{attempt}", algorithm="sha256")
    return str(mac.hexdigest())


def cluster_key() -> str:
    """The file of cluster keys; raises `BusError` when it cannot be used."""
    path = Path(settings.MUSTER_KEY_FILE)
    load_keys(path)
    try:
        return path.read_text("ascii")
    except OSError as error:
        raise BusError(f"{path}: cannot read the cluster key: {error.strerror}") from error


def answer(node: Node, password: str, key: str) -> dict[str, Any]:
    """The whole answer; a secret from its first to its last letter."""
    urls = broker.told(node.name, password)
    names = {
        "cluster": node.subcluster.cluster,
        "subcluster": node.subcluster.name,
        "node": node.name,
    }
    return {
        **names,
        "cluster_key": key,
        "brokers": urls,
        "definitions": repository.newest_text(node.subcluster),
        "node_toml": _settings(names, urls),
        "manager": settings.MUSTER_PUBLIC_URL,
    }


def _settings(names: dict[str, str], urls: list[str]) -> str:
    """NODE.toml; strings of JSON are strings of TOML for what is in them."""
    values = {
        **names,
        "state_directory": STATE,
        "key_file": KEY,
        "brokers": urls,
        "socket": SOCKET,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    first = "# Made by muster node join; explained in docs/reference/node.md. It holds a password."
    return "\n".join([first, *lines, ""])
