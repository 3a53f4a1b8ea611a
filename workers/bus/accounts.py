"""Accounts and rooms at a broker, made and unmade through RabbitMQ's management API.

Every call may be repeated: it says how things are to be, and what is gone already is gone. A broker
that does not answer is left for the next; each costs its patience once. An account that has a tag
(an operator's, the management's own) is never touched. No message ever shows a password.
"""

import base64
import dataclasses
import hashlib
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx

from workers.bus.errors import BusError
from workers.bus.permissions import Permissions

CONNECT_SECONDS, ANSWER_SECONDS = 2.0, 5.0
SESSION_SECONDS = 20.0
"""After so long in one `with`, nothing more is asked."""
SALT_BYTES = 4
HASHING = "rabbit_password_hashing_sha256"
GONE = 404


class BrokerAwayError(BusError):
    """No management API answers, or none lets us in: nothing is wrong with what was asked."""


class ForeignAccountError(BusError):
    """The account of that name is somebody else's, or the broker refuses what was asked."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An account as the broker has it, and what it may do on the virtual host."""

    tags: tuple[str, ...]
    permissions: Permissions | None
    elsewhere: tuple[str, ...] = ()
    """Other virtual hosts where it may do something: accounts are the whole broker's."""


class Management:
    """The management API of a broker, or of any member of its cluster; use it in a `with`.

    `addresses`: http(s)://USER:PASSWORD@HOST:PORT of an administrator, tried in turn. Every method
    raises `BrokerAwayError` when none answers, and `ForeignAccountError` for what is refused.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        virtual_host: str = "/",
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock, self._end = clock, clock() + SESSION_SECONDS
        self._virtual_host = virtual_host
        self._left = [_client(address, transport) for address in addresses]
        self._all = tuple(self._left)

    def __enter__(self) -> "Management":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._all:
            client.close()

    def standing(self, name: str) -> Standing | None:
        """What the broker knows of an account; None when there is no such."""
        tags = self._tags(name)
        if tags is None:
            return None
        told = self._ask("GET", f"users/{quote(name, safe='')}/permissions", shape=list) or []
        rights = {str(each.get("vhost")): each for each in told}
        own = rights.pop(self._virtual_host, None)
        permissions = own and Permissions(*(str(own.get(one.name, "")) for one in _RIGHTS))
        return Standing(tags, permissions or None, tuple(rights))

    def put_account(self, name: str, password: str, permissions: Permissions) -> None:
        """Make an account, or give the one that is there this password and these rights."""
        self._refuse_tagged(name)
        hashed = {
            "password_hash": password_hash(password, secrets.token_bytes(SALT_BYTES)),
            "hashing_algorithm": HASHING,
            "tags": "",
        }
        self._ask("PUT", f"users/{quote(name, safe='')}", hashed)
        rights = dataclasses.asdict(permissions)
        self._ask("PUT", f"permissions/{self._place(name)}", rights)

    def put_rooms(self, exchanges: Iterable[str]) -> None:
        """Declare durable fanout exchanges."""
        room = {"type": "fanout", "durable": True, "auto_delete": False, "internal": False}
        for exchange in exchanges:
            self._ask("PUT", f"exchanges/{self._place(exchange)}", {**room, "arguments": {}})

    def delete_account(self, name: str) -> None:
        """Delete an account; the broker closes its connections."""
        self._refuse_tagged(name)
        self._ask("DELETE", f"users/{quote(name, safe='')}")

    def delete_queue(self, name: str) -> None:
        """Delete a queue with what waits in it."""
        self._ask("DELETE", f"queues/{self._place(name)}")

    def _tags(self, name: str) -> tuple[str, ...] | None:
        """An account's tags; None when there is no such."""
        found = self._ask("GET", f"users/{quote(name, safe='')}")
        if found is None:
            return None
        tags = found.get("tags") or ()
        return tuple(map(str, tags.split(",") if isinstance(tags, str) else tags))

    def _refuse_tagged(self, name: str) -> None:
        if tags := self._tags(name):
            raise ForeignAccountError(
                f"the broker's account {name} is an operator's ({', '.join(tags)}): "
                "give the node another name"
            )

    def _place(self, name: str) -> str:
        """An object of the virtual host, as the API's addresses name it; users come last too."""
        return f"{quote(self._virtual_host, safe='')}/{quote(name, safe='')}"

    def _ask(self, method: str, path: str, body: Any = None, shape: type = dict) -> Any:
        """The answer as JSON, empty when there is none; None when the object is not there."""
        problem = "no address of a management API is configured"
        while self._left:
            if self._clock() > self._end:
                problem = f"it did not do its work within {SESSION_SECONDS:g} s"
                break
            client = self._left[0]
            try:
                answer = client.request(method, path, json=body)
            except httpx.HTTPError as error:
                problem = f"{_shown(client)} does not answer: {error or type(error).__name__}"
            else:
                if answer.status_code < 500 and answer.status_code not in (401, 403):
                    return _told(answer, method, path, shape)
                problem = f"{_shown(client)} answers {answer.status_code} to {method} {path}"
            self._left.pop(0)
        raise BrokerAwayError(f"the broker's management API cannot be used: {problem}")


_RIGHTS = dataclasses.fields(Permissions)


def password_hash(password: str, salt: bytes) -> str:
    """RabbitMQ's `rabbit_password_hashing_sha256`: a salt of 4 bytes, then the digest of both."""
    digest = hashlib.sha256(salt + password.encode()).digest()
    return base64.b64encode(salt + digest).decode()


def _told(answer: httpx.Response, method: str, path: str, shape: type) -> Any:
    if answer.status_code == GONE and method != "PUT":
        return None
    if not answer.is_success:
        raise ForeignAccountError(
            f"the broker refuses {method} {path} ({answer.status_code}): {answer.text[:200]}"
        )
    try:
        found = answer.json() if answer.content else shape()
    except ValueError:
        found = None
    if not isinstance(found, shape):
        raise BrokerAwayError(f"what answers {method} {path} is no management API of RabbitMQ")
    return found


def _client(address: str, transport: httpx.BaseTransport | None) -> httpx.Client:
    try:
        parts = urlsplit(address)
        where = f"{parts.scheme}://{parts.hostname}:{parts.port or 15672}"
    except ValueError as error:
        raise BusError(f"a management API's address is not understood: {error}") from None
    if parts.scheme not in ("http", "https") or not (parts.hostname and parts.username):
        raise BusError(f"management API {where}: write http://USER:PASSWORD@HOST:15672")
    return httpx.Client(
        base_url=f"{where}{parts.path.rstrip('/')}/api/",
        auth=(unquote(parts.username), unquote(parts.password or "")),
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        transport=transport,
        trust_env=False,
    )


def _shown(client: httpx.Client) -> str:
    """Host and port, without the account."""
    return f"{client.base_url.host}:{client.base_url.port}"
