"""Sockets that programs of this node ask: made for a process that may die at any instant.

A UNIX socket that nobody answers on is replaced; one that somebody answers on, and whatever is no
socket, is left alone and said. Room for many clients is asked of the system once.
"""

import contextlib
import errno
import os
import resource
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from workers.replication.errors import ReplicationError

BACKLOG = 1_024
FILES_WANTED = 16_384
SOCKET_MODE = 0o666
"""Mail servers run as users of their own; who may come near is the directory's to say."""


class ListeningError(ReplicationError):
    """A socket cannot be opened."""


def listen_unix(path: Path, mode: int = SOCKET_MODE) -> socket.socket:
    """Return a UNIX socket that listens at `path`; raises `ListeningError`."""
    try:
        _make_way(path)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _closed_on_error(made):
            mask = os.umask(0o777 & ~mode)
            try:
                made.bind(str(path))
            finally:
                os.umask(mask)
            made.listen(BACKLOG)
            made.setblocking(False)
    except OSError as error:
        why = error.strerror or str(error)
        way = "choose another path in NODE.toml"
        raise ListeningError(f"{path}: cannot be opened: {why}; {way}") from error
    return made


def listen_tcp(host: str, port: int) -> socket.socket:
    """Return a TCP socket that listens there; port 0 is any; raises `ListeningError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        with _closed_on_error(made):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((host, port))
            made.listen(BACKLOG)
            made.setblocking(False)
    except OSError as error:
        why = error.strerror or str(error)
        way = "choose another port in NODE.toml, or end what uses it"
        raise ListeningError(f"{host}:{port}: cannot be opened: {why}; {way}") from error
    return made


def make_room() -> None:
    """Ask for enough open files, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(FILES_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextlib.contextmanager
def _closed_on_error(made: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        made.close()
        raise


def _make_way(path: Path) -> None:
    """Remove a socket that nobody answers on; raises `ListeningError` for anything else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        way = "remove it, or choose another path in NODE.toml"
        raise ListeningError(f"{path}: is no socket; {way}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as client:
        # Only a refusal says that nobody listens: a stopped process just does not answer.
        if client.connect_ex(str(path)) != errno.ECONNREFUSED:
            raise ListeningError(f"{path}: another worker answers on it; stop that one first")
    path.unlink()
