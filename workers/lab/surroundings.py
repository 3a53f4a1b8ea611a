"""How a lab and the machine around it meet: the dashboard's port, and whose broker is used.

Invariant: two labs never get the same port, also while the manager of one is powered off. A broker
of the machine or of the network is refused: the lab's hosts could not reach it.
"""

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from workers.lab.errors import LabRefused

LOOPBACK = "127.0.0.1"
FIRST_PORT, LAST_PORT = 8025, 8124
BROKER_VARIABLE = "MUSTER_BROKER_URL"


def choose_port(wanted: int | None, taken: Collection[int]) -> int:
    """The port wanted, or the first free one; `taken` are those of other labs."""
    if wanted is None:
        for port in range(FIRST_PORT, LAST_PORT + 1):
            if port not in taken and _free(port):
                return port
        raise LabRefused(f"no port of {FIRST_PORT} to {LAST_PORT} is free on {LOOPBACK}: --port N")
    if not 1 <= wanted <= 65_535:
        raise LabRefused(f"--port is {wanted}; a port is 1 to 65535, and {FIRST_PORT} the default")
    if wanted in taken or not _free(wanted):
        raise LabRefused(
            f"port {wanted} of {LOOPBACK} is taken: choose another --port, or leave it out and the "
            "first free one is used"
        )
    return wanted


def refuse_broker_url(urls: str) -> None:
    """Refuse every existing broker, each with the reason why the lab's hosts cannot use it."""
    for url in filter(None, (part.strip() for part in urls.split(","))):
        host = _host_of(url)
        if _is_loopback(host):
            reason = "every host of the lab has a loopback of its own, and no broker on it"
        else:
            reason = (
                "the lab's hosts live in network namespaces without a route off this machine, and "
                "each of them needs an account of its own at the broker"
            )
        raise LabRefused(
            f"{BROKER_VARIABLE} names a broker at {host!r}, which the lab cannot use: {reason}. "
            f"The lab brings its own RabbitMQ: unset {BROKER_VARIABLE} and repeat. To use an "
            "existing broker, run manager and nodes outside the lab, with the accounts and "
            "exchanges of docs/reference/node.md"
        )


def _host_of(url: str) -> str:
    """The host of an AMQP URL, for a message: nothing of a password is left in it."""
    try:
        return urlsplit(url if "//" in url else f"//{url}").hostname or "localhost"
    except ValueError:
        return "no address"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _free(port: int) -> bool:
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
