"""Which nodes there are in a revision, and the facts that their templates see.

Read from the definitions files of that revision, as nodes read them: not from the database.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache

from cluster_admin.configs.refusals import Problem, Refused
from workers.bus.exchanges import RESERVED_SUBCLUSTERS
from workers.config.core.facts import Facts
from workers.config.core.facts import facts_of as core_facts_of
from workers.failover.core.definitions import Definitions
from workers.failover.core.definitions_text import DefinitionsError, parse
from workers.repository.core.paths import DEFINITIONS, GLOBAL
from workers.repository.trees import Listing

Read = Callable[[str], bytes]
PARSED = 8
"""Definitions in memory, at most."""
RESERVED = RESERVED_SUBCLUSTERS | {GLOBAL}
_REVISION = re.compile(r"^revision = ([0-9]{1,16})$", re.MULTILINE)
Shown = tuple[object, ...]


def path_of(subcluster: str) -> str:
    """Where a subcluster's definitions are."""
    return f"{subcluster}/{DEFINITIONS}"


def subcluster_of(path: str) -> str:
    """Whose definitions are at that path; empty when it is another file."""
    top, _, name = path.partition("/")
    return top if name == DEFINITIONS and top != GLOBAL else ""


def reserved_refusal(name: str) -> str:
    """Why no new subcluster is called so, as a sentence; empty: it may be."""
    return f"a subcluster cannot be called {name}; choose another name" if name in RESERVED else ""


def revision_of(text: str) -> int:
    """The revision that a canonical file says; 0 when it says none."""
    found = _REVISION.search(text)
    return int(found[1]) if found else 0


def subclusters(listing: Listing) -> list[str]:
    """Those that have definitions in a revision, by name."""
    return sorted(filter(None, map(subcluster_of, listing)))


def definitions_in(listing: Listing, read: Read, subcluster: str) -> Definitions | None:
    """A subcluster's definitions; None when there are none. Raises `Refused`."""
    path = path_of(subcluster)
    file = listing.get(path)
    return None if file is None else _parsed(path, read(file.blob))


def shown(definitions: Definitions | None) -> Shown:
    """What of definitions templates can see, the nodes left out that see it."""
    if definitions is None:
        return ()
    nodes = tuple((n.name, n.address, n.segment, n.weight) for n in definitions.nodes.values())
    cards = tuple((n.name, n.interfaces) for n in definitions.nodes.values())
    vips = tuple(
        (v.address, v.prefer, v.follow, v.weight, v.binding, v.description)
        for v in definitions.vips.values()
    )
    wires = tuple((t.cidr, t.interface) for t in definitions.topologies)
    return (definitions.cluster, nodes, cards, vips, wires)


def facts_of(definitions: Definitions, revision: int, nodes: Iterable[str]) -> Iterator[Facts]:
    """The facts of some of its nodes, one after another."""
    return (core_facts_of(definitions, revision, node) for node in nodes)


@lru_cache(maxsize=PARSED)
def _parsed(path: str, content: bytes) -> Definitions:
    try:
        definitions = parse(content.decode(), path)
    except UnicodeDecodeError:
        raise Refused([Problem(path, 0, "", "is not UTF-8 text; write it anew")]) from None
    except DefinitionsError as error:
        raise Refused([Problem(path, error.line, "", error.sentence)]) from None
    if path_of(definitions.subcluster) != path:
        sentence = f"is for subcluster {definitions.subcluster}; put it under its name"
        raise Refused([Problem(path, 0, "", sentence)])
    return definitions


def nodes_of(definitions: Definitions | None) -> Mapping[str, object]:
    """Its nodes by name."""
    return {} if definitions is None else definitions.nodes
