"""A large configuration repository, made in a minute: 10,000 files, 200 MB, 5,000 revisions.

Four subclusters of 25 nodes; most files are a node's own, some of its subcluster, some of all. The
history is written by `git fast-import`, with the trailers that number a revision, and read by
Muster as any other. Contents are random text from a seed, so they do not compress away.
"""

import base64
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from workers.failover.core.definitions import Definitions, Node, Topology
from workers.failover.core.definitions_text import render
from workers.repository.core.messages import Message, compose
from workers.repository.repository import Repository

SUBCLUSTERS, NODES_PER_SUBCLUSTER = 4, 25
AUTHOR = "A. N. Operator <operator@example.net>"
FIRST_SECOND = 1_700_000_000
SECONDS_PER_REVISION = 3_600
GLOBAL_FILES, DEFAULT_FILES = 20, 20
FILES_PER_REVISION = 3
TEMPLATE = (
    "# made for {{ node.name }}\nmyhostname = {{ node.name }}.example.net\n"
    "mynetworks = {% for one in nodes %}{{ one.address }} {% endfor %}\n"
)


@dataclass(frozen=True, slots=True)
class Size:
    """How large it is."""

    files: int = 10_000
    bytes: int = 200 << 20
    revisions: int = 5_000


def subclusters() -> dict[str, list[str]]:
    """The nodes of each subcluster."""
    return {
        f"site{site}": [f"mta{site}{number:02}" for number in range(NODES_PER_SUBCLUSTER)]
        for site in range(1, SUBCLUSTERS + 1)
    }


def paths(count: int) -> list[str]:
    """So many paths: those of all nodes, those of a subcluster's nodes, then nodes' own in turn."""
    layers = [f"{site}/{node}" for site, nodes in subclusters().items() for node in nodes]
    found = [f"global/maps/all{number:02}.cf" for number in range(GLOBAL_FILES)]
    for site in subclusters():
        found += [f"{site}/default/maps/site{number:02}.cf" for number in range(DEFAULT_FILES)]
    left = count - len(found)
    return found + [
        f"{layers[number % len(layers)]}/own/d{number // 1000}/f{number:05}.cf"
        for number in range(left)
    ]


def definitions_of(cluster: str, site: str, place: int) -> Definitions:
    """What is defined of one subcluster."""
    nodes = subclusters()[site]
    addresses = {name: f"10.{place}.0.{at}" for at, name in enumerate(nodes, start=10)}
    return Definitions(
        cluster=cluster,
        subcluster=site,
        revision=1,
        topologies=(Topology(f"10.{place}.0.0/16", "eth0"),),
        nodes={name: Node(name, address) for name, address in addresses.items()},
    )


def make(directory: Path, cluster: str, size: Size, seed: int) -> None:
    """Make the repository; raises `BenchError` when git does not."""
    Repository.create(directory).close()
    command = ["git", "-c", "core.compression=1", "-C", str(directory), "fast-import", "--quiet"]
    importer = subprocess.Popen(command, stdin=subprocess.PIPE)
    if importer.stdin is None:
        raise BenchError("git fast-import takes no input")
    with importer.stdin as stream:
        for part in _revisions(cluster, size, random.Random(seed)):
            stream.write(part)
    if importer.wait(600):
        raise BenchError(f"git fast-import ended with {importer.returncode}")


def _revisions(cluster: str, size: Size, chance: random.Random) -> Iterator[bytes]:
    files = paths(size.files)
    each = size.bytes // len(files)
    yield from _commit(1, "All files")
    for place, site in enumerate(subclusters(), start=1):
        text = render(definitions_of(cluster, site, place))
        yield from _file(f"{site}/definitions.toml", text.encode())
    yield from _file("global/main.cf.j2", TEMPLATE.encode())
    for path in files:
        yield from _file(path, _text(chance, each))
    for number in range(2, size.revisions + 1):
        yield from _commit(number, f"Change {number}")
        for path in chance.sample(files, FILES_PER_REVISION):
            yield from _file(path, _text(chance, 400))
    yield b"done\n"


def _commit(number: int, text: str) -> Iterator[bytes]:
    at = FIRST_SECOND + number * SECONDS_PER_REVISION
    yield f"commit refs/heads/main\ncommitter {AUTHOR} {at} +0000\n".encode()
    message = compose(Message(text, number)).encode()
    yield b"data %d\n%s\n" % (len(message), message)


def _file(path: str, content: bytes) -> Iterator[bytes]:
    yield b"M 100644 inline %s\ndata %d\n" % (path.encode(), len(content))
    yield content + b"\n"


def _text(chance: random.Random, count: int) -> bytes:
    """Lines of letters and digits, `count` bytes or a little more."""
    return base64.encodebytes(chance.randbytes(count * 3 // 4))
