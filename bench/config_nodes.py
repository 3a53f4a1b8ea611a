"""A hundred nodes' trees of one revision on this machine: rendered, staged and validated.

By the code that each node's pinned worker runs: a replica, its own tree, a switcher, the Postfix
profile. Each node has its own directories, and Postfix's tools read its tree there; no daemon runs,
so nobody is reloaded. Some processes share the nodes. Before the clock starts they are up and have
rendered the first revision, as workers have, and each node has its first tree; the second says the
same of the host, as most do, so the host itself is not looked at again.
"""

import multiprocessing
import os
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.errors import BenchError
from bench.options import Teller
from tests.unit.repository.stage import commit
from workers.config.core.reports import Outcome
from workers.config.errors import ConfigError
from workers.config.own_tree import OwnTree
from workers.config.rendering import Renderer
from workers.config.secret_files import SecretFiles
from workers.config.switching import Switcher
from workers.failover.core.definitions import Definitions, Node, Topology, Vip
from workers.failover.core.definitions_text import parse, render
from workers.lab import configuration, postfix
from workers.repository.repository import Repository

SUBCLUSTER, SUBNET, SINK = "default", "198.18.0.0/16", "198.18.255.241"
VIPS = 100
PROCESSES_PER_PROCESSOR = 4
"""Disks are waited for together."""
LIMIT_SECONDS = 300.0


def seconds(nodes: int, tell: Teller) -> float:
    """How long it takes until the second revision is live on so many nodes.

    The first is laid down before. Raises `BenchError` when a node does not come through.
    """
    with TemporaryDirectory(prefix="muster-bench-") as directory:
        place = Path(directory)
        place.chmod(0o755)
        definitions = _definitions(nodes)
        files = configuration.tree(
            configuration.Place(f"{place}/{{{{ node.name }}}}/postfix", SUBNET, SINK)
        )
        for name in definitions.nodes:
            first = configuration.rendered(files, definitions, name)
            postfix.prepare(_home(place, name), _config(place, name), first)
        tell(f"{nodes} nodes have their first tree")
        _make_revisions(place / "config.git", files, definitions)
        return _applied(place, list(definitions.nodes), tell)


def _definitions(nodes: int) -> Definitions:
    names = [f"mta{number:03}" for number in range(1, nodes + 1)]
    vips = [f"198.18.{100 + number // 250}.{number % 250 + 1}" for number in range(VIPS)]
    return Definitions(
        cluster="bench",
        subcluster=SUBCLUSTER,
        revision=1,
        topologies=(Topology(SUBNET, "eth0"),),
        nodes={name: Node(name, f"198.18.0.{at}") for at, name in enumerate(names, start=10)},
        vips={vip: Vip(vip) for vip in vips},
    )


def _make_revisions(directory: Path, files: dict[str, bytes], definitions: Definitions) -> None:
    """r1, which all nodes have, and r2, which changes main.cf and master.cf on every node."""
    text = render(definitions).encode()
    repository = Repository.create(directory)
    commit(repository, {**files, f"{SUBCLUSTER}/definitions.toml": text})
    settings = files[configuration.SETTINGS].replace(b"20480000", b"52428800")
    transports = b"".join(
        b"vip-%d unix - - n - - smtp\n    -o smtp_bind_address=%s\n" % (number, vip.encode())
        for number, vip in enumerate(definitions.vips)
    )
    changed = {configuration.SETTINGS: settings}
    changed[configuration.MASTER] = files[configuration.MASTER] + transports
    commit(repository, {**changed})
    repository.close()


def _applied(place: Path, names: list[str], tell: Teller) -> float:
    """Share the nodes out, and time it until the last report."""
    count = min(len(names), PROCESSES_PER_PROCESSOR * (os.cpu_count() or 1))
    context = multiprocessing.get_context("spawn")
    doors, children = [], []
    for number in range(count):
        ours, theirs = context.Pipe()
        child = context.Process(target=_work, args=(place, names[number::count], theirs))
        child.start()
        doors.append(ours)
        children.append(child)
    try:
        for door in doors:
            _told(door)
        began = time.monotonic()
        for door in doors:
            door.send("begin")
        stories = [_told(door) for door in doors]
        took = time.monotonic() - began
    finally:
        for child in children:
            child.terminate()
            child.join()
    if wrong := [line for story in stories for line in story]:
        raise BenchError(f"{len(wrong)} nodes did not come through: {wrong[0]}")
    tell(f"{len(names)} nodes in {took:.2f} s by {count} processes")
    return took


def _told(door: Connection) -> list[str]:
    if not door.poll(LIMIT_SECONDS):
        raise BenchError(f"a worker says nothing for {LIMIT_SECONDS:.0f} s")
    found: list[str] = door.recv()
    return found


def _work(place: Path, names: Sequence[str], door: Connection) -> None:
    """What a worker does, for several nodes one after another."""
    repository = Repository.open(place / "config.git")
    secrets = SecretFiles(place / "secrets")
    with Renderer() as renderer:
        trees = {name: OwnTree(SUBCLUSTER, name, parse, secrets, renderer) for name in names}
        trees[names[0]].render(repository, 1)
        door.send([])
        door.recv()
        told = [(name, _apply(place, tree, repository)) for name, tree in trees.items()]
    door.send([f"{name}: {sentence}" for name, sentence in told if sentence])


def _apply(place: Path, own: OwnTree, repository: Repository) -> str:
    """Apply the second revision to a node; why it did not come through, empty when it did."""
    profile = postfix.before_it_runs(_home(place, own.node))
    switcher = Switcher(_config(place, own.node), profile)
    try:
        tree = own.render(repository, 2)
    except ConfigError as error:
        return str(error)
    report = switcher.apply(2, tree.contents, private=tree.secret_files)[-1]
    return "" if report.outcome is Outcome.APPLIED else report.sentence


def _home(place: Path, name: str) -> Path:
    return place / name / "postfix"


def _config(place: Path, name: str) -> Path:
    return place / name / "state" / "config"
