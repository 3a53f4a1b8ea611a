"""HTTP to a program of the same host, over its UNIX socket."""

import http.client
import socket
from pathlib import Path


class LocalConnection(http.client.HTTPConnection):
    """A connection to the socket at `path`; whatever takes longer than `seconds` ends it."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path, self._seconds = path, seconds

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self._seconds)
        self.sock.connect(str(self._path))
