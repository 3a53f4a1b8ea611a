"""A manager's web server, heard on the machine's own loopback and by the lab's hosts.

`python -m workers.lab.front PORT ADDRESS APPLICATION`. A socket stays in the network namespace that
it was made in: one that listens is made in the machine's, all others (the one at ADDRESS, broker,
database) in the host's. uvicorn's own `--fd` would take it for a UNIX socket, and leave Nagle's
delay on every event.
"""

import os
import socket
import sys

import uvicorn

from workers.lab.health import in_namespace
from workers.lab.supervision import MACHINE_VARIABLE
from workers.lab.surroundings import LOOPBACK

BACKLOG = 128
GRACE_SECONDS = 1
"""A page that follows events never ends by itself."""


def machine_namespace() -> str:
    """Path of the network namespace of whoever started our supervisor, which holds it open."""
    return f"/proc/{os.getppid()}/fd/{os.environ[MACHINE_VARIABLE]}"


def open_door(namespace: str, port: int) -> socket.socket:
    """A listening socket on loopback of a namespace."""

    def make() -> socket.socket:
        return socket.create_server((LOOPBACK, port), backlog=BACKLOG)

    return in_namespace(namespace, make)


def serve(port: int, address: str, application: str) -> None:
    """Serve until told to end."""
    doors = [
        open_door(machine_namespace(), port),
        socket.create_server((address, port), backlog=BACKLOG),
    ]
    config = uvicorn.Config(
        application,
        host=LOOPBACK,
        port=port,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    uvicorn.Server(config).run(sockets=doors)


if __name__ == "__main__":
    serve(int(sys.argv[1]), *sys.argv[2:])
