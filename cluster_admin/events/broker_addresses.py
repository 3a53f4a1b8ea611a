"""The broker's addresses as the listener is told them: refused early, with the way out.

A loopback address means another machine's (or nobody's) broker when this process stands in a
network namespace of its own: that is told from a broker that is merely down.
"""

import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path

from workers.bus.connection import broker_parameters
from workers.bus.errors import BusError

CONNECT_SECONDS = 0.5
EXAMPLE = "amqp://manager:PASSWORD@HOST:5672/"


def check(
    addresses: Sequence[str],
    elsewhere: Callable[[], bool] | None = None,
    listens: Callable[[str, int], bool] | None = None,
) -> None:
    """Raise `BusError` when no listener could ever hear anything at these addresses."""
    if not addresses:
        raise BusError(
            "MUSTER_BROKER_URL is not set, so there is no bus to listen to; "
            f"set it to the broker's address, {EXAMPLE} (several: comma-separated)"
        )
    try:
        places = [(one.host, one.port) for one in map(broker_parameters, addresses)]
    except BusError as error:
        raise BusError(f"MUSTER_BROKER_URL: {error}") from None
    if not all(_loopback(host) for host, _ in places) or not (elsewhere or in_own_namespace)():
        return
    if not any((listens or _listens)(*place) for place in places):
        shown = ", ".join(f"{host}:{port}" for host, port in places)
        raise BusError(
            f"MUSTER_BROKER_URL names {shown}: that is the loopback of this process's own network "
            "namespace, where nothing listens; name an address of the broker that this namespace "
            "reaches, or start the listener in the machine's own namespace"
        )


def in_own_namespace() -> bool:
    """Whether this process's network is known not to be the machine's."""
    own = _namespace("self")
    machine = _namespace("1")
    if not machine and _name("2") == "kthreadd":  # some machines hide their first process
        machine = _namespace("2")
    return bool(own and machine) and own != machine


def _namespace(process: str) -> str:
    try:
        return str(Path(f"/proc/{process}/ns/net").readlink())
    except OSError:
        return ""


def _name(process: str) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), CONNECT_SECONDS):
            return True
    except OSError:
        return False
