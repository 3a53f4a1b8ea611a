"""Bytes from the manager, as they come: files of the configuration, and whole trees of them."""

import contextlib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx

from cluster_admin.cli.client import Query
from cluster_admin.cli.problems import complaint

if TYPE_CHECKING:
    from cluster_admin.cli.client import Client

ANYTHING = "application/octet-stream, application/x-tar, */*;q=0.5, application/problem+json"


class Download(io.RawIOBase):
    """A body that is read once, from its beginning; raises the client's complaints."""

    def __init__(self, client: "Client", response: httpx.Response) -> None:
        self.client = client
        self.chunks = response.iter_bytes()
        self.rest = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """So many bytes, less at the end; all of them when `size` is negative."""
        parts, length = [self.rest], len(self.rest)
        while size < 0 or length < size:
            chunk = self._next()
            if not chunk:
                break
            parts.append(chunk)
            length += len(chunk)
        whole = b"".join(parts)
        size = length if size < 0 else size
        self.rest = whole[size:]
        return whole[:size]

    def _next(self) -> bytes:
        try:
            return next(self.chunks, b"")
        except httpx.HTTPError as error:
            raise self.client.lost(error, "GET") from error


@contextlib.contextmanager
def opened(client: "Client", where: str, query: Query) -> Iterator[Download]:
    """What the manager has at `where`, to be read; raises the complaint of a refusal."""
    try:
        with client.http.stream(
            "GET", where, params=query, headers={"Accept": ANYTHING}
        ) as response:
            if not response.is_success:
                response.read()
                raise complaint(response, client.url)
            yield Download(client, response)
    except httpx.HTTPError as error:
        raise client.lost(error, "GET") from error
