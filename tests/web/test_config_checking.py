"""The check before a commit: plain files are not read, and their size counts all the same."""

import tracemalloc

import pytest

from cluster_admin.configs.checking import problems
from tests.web.config_stage import DEFINITIONS, subcluster, text
from workers.config.core.render import TREE_BYTES
from workers.failover.core.definitions_text import FIRST_LINE
from workers.repository.committing import Candidate
from workers.repository.core.changes import Entry
from workers.repository.trees import File

pytestmark = pytest.mark.django_db
PLAIN_MODE = 0o100644
NODES = 300


@pytest.mark.parametrize("size", [TREE_BYTES // 2, TREE_BYTES])
def test_of_a_plain_file_only_the_size_is_a_problem(size: int) -> None:
    subcluster()
    contents = {"definitions": text(DEFINITIONS).encode(), "template": b"{{ node.name }}\n"}
    after = {
        DEFINITIONS: File("definitions", len(contents["definitions"]), PLAIN_MODE),
        "global/name.j2": File("template", len(contents["template"]), PLAIN_MODE),
        "global/plain": File("plain", size, PLAIN_MODE),
    }
    changes = {path: Entry(b"") for path in after}
    found = problems(Candidate(1, {}, after, changes, contents.__getitem__))

    too_large = {one.path for one in found}
    assert too_large == (set() if size < TREE_BYTES else {"global/plain"})


def test_what_templates_see_is_not_kept_for_all_nodes_at_once() -> None:
    subcluster()
    more = "".join(
        f'[node.n{n}]\naddress = "10.0.{n // 250}.{n % 250 + 1}"\n' for n in range(NODES)
    )
    plain = text(DEFINITIONS).replace(FIRST_LINE, "#") + more
    after = {DEFINITIONS: File("definitions", len(plain), PLAIN_MODE)}
    changes = {DEFINITIONS: Entry(b"")}
    candidate = Candidate(1, {}, after, changes, {"definitions": plain.encode()}.__getitem__)

    tracemalloc.start()
    try:
        assert problems(candidate) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < NODES * NODES * 20, "about what each of the nodes sees of each"
