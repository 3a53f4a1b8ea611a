"""From a commit to what a node applies: a real repository, rendered, and fit to be applied."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.unit.config.rendered import FACTS
from workers.config.core.manifests import manifest_of, objection
from workers.config.core.render import Tree
from workers.config.rendering import Renderer
from workers.repository.committing import Proposal
from workers.repository.core.changes import Entry
from workers.repository.repository import Repository

SAMPLE = ROOT / "fixtures" / "configuration"
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with Renderer() as one:
        yield one


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    one = Repository.create(tmp_path / "config.git")
    yield one
    one.close()


def commit(repository: Repository, changes: dict[str, Entry | None]) -> int:
    head = repository.head()
    proposal = Proposal(changes, "An Operator", "operator@example.net", "a change", WHEN)
    return repository.commit(head.number if head else 0, proposal).number


def sample() -> dict[str, Entry | None]:
    """The sample, for the subcluster of `FACTS`."""
    return {
        path.relative_to(SAMPLE).as_posix().replace("default/", "site/", 1): Entry(
            path.read_bytes()
        )
        for path in SAMPLE.rglob("*")
        if path.is_file() and path.parent != SAMPLE
    }


def test_the_sample_is_a_good_commit_and_a_good_tree(
    repository: Repository, renderer: Renderer
) -> None:
    number = commit(repository, sample())
    secrets = {"relay_password": b"s3cret\n"}.get
    tree = renderer.render(repository.tree(number), repository.content, FACTS, secrets)

    assert isinstance(tree, Tree), tree
    assert objection(tree.contents) == ""
    manifest = manifest_of(number, tree.contents, tree.secret_files)
    assert [entry.path for entry in manifest.entries] == list(tree.files)
    assert {entry.path for entry in manifest.entries if entry.mode == 0o600} == {
        "postfix/relay_password"
    }


def test_each_revision_is_rendered_as_it_was(repository: Repository, renderer: Renderer) -> None:
    script = Entry(b"#!/bin/sh\n", executable=True)
    first = commit(repository, {"global/a.j2": Entry(b"one {{ node.name }}"), "global/run": script})
    second = commit(repository, {"site/mta1/a": Entry(b"two"), "global/run": None})
    third = commit(repository, {"global/_b.j2": Entry(b"\n{{ nothing }}{% for %}")})

    def rendered(number: int) -> dict[str, tuple[bytes, bool]]:
        tree = renderer.render(repository.tree(number), repository.content, FACTS)
        assert isinstance(tree, Tree)
        return tree.contents

    assert rendered(first) == {"a": (b"one mta1", False), "run": (b"#!/bin/sh\n", True)}
    assert rendered(second) == {"a": (b"two", False)}
    found = renderer.render(repository.tree(third), repository.content, FACTS)
    assert isinstance(found, list)
    assert [str(one) for one in found] == [
        "global/_b.j2:2: Expected an expression, got 'end of statement block'"
    ]
