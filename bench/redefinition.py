"""Changing what a lab's nodes act on, as an operator's change comes to them: a file and a word.

Each change is a revision above all that the nodes know. The definitions of before a run are put
back after it, whatever happened.
"""

import time
from collections.abc import Mapping
from dataclasses import replace

from bench.errors import BenchError
from workers.failover.core.definitions import AdminState, Definitions, PartitionPolicy
from workers.failover.core.definitions_text import parse, render
from workers.failover.settings import read_settings
from workers.failover.store import DEFINITIONS
from workers.failover.tasks import define
from workers.lab.health import look
from workers.lab.host_files import node_file
from workers.lab.lab import Lab

ACTED_SECONDS = 5.0
LOOK_SECONDS = 0.05


def current(lab: Lab) -> Definitions:
    """The newest definitions on any node's disk."""
    found = []
    for node in lab.nodes:
        path = lab.host_directory(node) / "state" / DEFINITIONS
        found.append(parse(path.read_text(), str(path)))
    return max(found, key=lambda each: each.revision)


def put(lab: Lab, definitions: Definitions) -> int:
    """Give the definitions to every node as a new revision; answers which."""
    revision = current(lab).revision + 1
    text = render(replace(definitions, revision=revision))
    for node in lab.nodes:
        settings = read_settings(node_file(lab.record, node))
        define(settings, definitions.subcluster, revision, text)
    return revision


def wait_until_acted(lab: Lab, revision: int) -> None:
    """Return when every node acts on the revision."""
    deadline = time.monotonic() + ACTED_SECONDS
    while late := _behind(lab, revision):
        if time.monotonic() > deadline:
            raise BenchError(f"{', '.join(late)} did not act on revision {revision}: see agent.log")
        time.sleep(LOOK_SECONDS)


def _behind(lab: Lab, revision: int) -> list[str]:
    agents = look(lab.record).agents
    return [node for node, agent in agents.items() if (agent or {}).get("revision", 0) < revision]


def drained(definitions: Definitions, node: str) -> Definitions:
    """The same with a node that gives all away."""
    told = replace(definitions.nodes[node], admin_state=AdminState.DRAINING)
    return replace(definitions, nodes={**definitions.nodes, node: told})


def preferring(definitions: Definitions, nodes: Mapping[str, str]) -> Definitions:
    """The same with VIPs that prefer a node."""
    changed = {vip: replace(definitions.vips[vip], prefer=(node,)) for vip, node in nodes.items()}
    return replace(definitions, vips={**definitions.vips, **changed})


def by_quorum(definitions: Definitions) -> Definitions:
    """The same under quorum."""
    knobs = replace(definitions.knobs, partition_policy=PartitionPolicy.QUORUM)
    return replace(definitions, knobs=knobs)
