"""What `--from` may say: a node, a directory, or any address that git knows.

`mta1` and `admin@mta1.example.net` are asked over SSH, where nodes have their replica;
`ssh://...`, `https://...` and `HOST:PATH` are taken as they are; a directory begins with `/` or `.`
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

REPLICA = "/var/lib/muster/node/config.git"
"""Where a node has its replica, unless its node.toml says otherwise."""
ACCOUNT = "root"
_HOST = re.compile(r"([a-z_][a-z0-9_-]*@)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)
_GIT = re.compile(r"(ssh|https?|git|file)://\S+|[^\s/:-][^\s/:]*:(?!:|//)\S+")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a replica is: how people call it, and its address for git."""

    name: str
    address: str


class AddressError(Exception):
    """What was given is no address."""


def sources(words: Iterable[str], path: str) -> list[Source]:
    """Each as git takes it, once; `path` is where nodes have their replica. `AddressError`."""
    return [Source(word, address(word, path)) for word in dict.fromkeys(words)]


def address(word: str, path: str = REPLICA) -> str:
    """One as git takes it."""
    if word.startswith(("/", "./", "../")) or word in (".", ".."):
        found = Path(word).absolute()
        if not found.is_dir():
            raise AddressError(f"{found} is no directory; name a node, or where a replica is")
        return str(found)
    if _GIT.fullmatch(word):
        return word
    if not _HOST.fullmatch(word):
        way = "name a node, a directory (./NAME), or an address such as ssh://HOST/PATH"
        raise AddressError(f"{word[:200]!r} cannot be fetched from; {way}")
    host = word if "@" in word else f"{ACCOUNT}@{word}"
    return f"{host}:{path}"
