"""Which nodes' trees a commit may change: only those are rendered before it is taken."""

from dataclasses import replace

import pytest

from cluster_admin.configs.checking import affected
from workers.failover.core.definitions import (
    AdminState,
    Definitions,
    Knobs,
    Node,
    Topology,
    Vip,
)
from workers.failover.core.definitions_text import render
from workers.repository.committing import Candidate
from workers.repository.core.changes import Entry
from workers.repository.trees import File, Listing

HERE = Definitions(
    cluster="demo",
    subcluster="here",
    revision=1,
    topologies=(Topology("198.18.0.0/24", "eth0"),),
    nodes={f"mta{n}": Node(f"mta{n}", f"198.18.0.1{n}") for n in (1, 2)},
    vips={"198.18.0.101": Vip("198.18.0.101")},
)
THERE = replace(HERE, subcluster="there", nodes={"mta3": Node("mta3", "198.18.0.13")})
BEFORE = {
    "here/definitions.toml": render(HERE),
    "there/definitions.toml": render(THERE),
    "global/plain": "1",
    "there/default/name.j2": "{{ node.name }}",
}


def _asked(changes: dict[str, str | None], before: dict[str, str] = BEFORE) -> list[str]:
    """The nodes that are asked about when files become so."""
    after = {path: text for path, text in {**before, **changes}.items() if text is not None}
    contents = {text: text.encode() for text in (*before.values(), *after.values())}
    entries = {
        path: None if text is None else Entry(text.encode()) for path, text in changes.items()
    }
    candidate = Candidate(
        2, _listing(before), _listing(after), entries, lambda blob: contents[blob]
    )
    return [facts.node.name for facts in affected(candidate)]


def _listing(files: dict[str, str]) -> Listing:
    return {path: File(text, len(text), 0o100644) for path, text in files.items()}


@pytest.mark.parametrize(
    ("path", "nodes"),
    [
        ("global/x", ["mta1", "mta2", "mta3"]),
        ("here/default/x", ["mta1", "mta2"]),
        ("here/mta2/x", ["mta2"]),
        ("there/mta3/x", ["mta3"]),
        ("elsewhere/default/x", []),
    ],
)
def test_a_file_is_for_the_nodes_of_its_layer(path: str, nodes: list[str]) -> None:
    assert _asked({path: "new"}) == nodes
    assert _asked({path: None}, {**BEFORE, path: "old"}) == nodes


def test_definitions_are_for_nodes_with_templates() -> None:
    vips = {"198.18.0.102": Vip("198.18.0.102")}

    assert _asked({"there/definitions.toml": render(replace(THERE, vips=vips))}) == ["mta3"]
    assert _asked({"here/definitions.toml": render(replace(HERE, vips=vips))}) == []


@pytest.mark.parametrize(
    "unseen",
    [
        replace(THERE, knobs=Knobs(probe_count=9), revision=2),
        replace(
            THERE,
            nodes={"mta3": replace(THERE.nodes["mta3"], admin_state=AdminState.DRAINING)},
        ),
    ],
)
def test_what_no_template_sees_is_for_no_node(unseen: Definitions) -> None:
    assert _asked({"there/definitions.toml": render(unseen)}) == []


def test_a_new_node_is_asked_about_whatever_it_gets() -> None:
    nodes = {**HERE.nodes, "mta9": Node("mta9", "198.18.0.19")}

    assert _asked({"here/definitions.toml": render(replace(HERE, nodes=nodes))}) == ["mta9"]


def test_definitions_that_could_not_be_read_before_make_all_nodes_new() -> None:
    broken = {**BEFORE, "here/definitions.toml": "broken"}

    assert _asked({"here/definitions.toml": render(HERE)}, broken) == ["mta1", "mta2"]
