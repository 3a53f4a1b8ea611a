"""The check before a commit: plain files are not read, and their size counts all the same."""

import pytest

from cluster_admin.configs.checking import problems
from tests.web.config_stage import DEFINITIONS, subcluster, text
from workers.config.core.render import TREE_BYTES
from workers.repository.committing import Candidate
from workers.repository.core.changes import Entry
from workers.repository.trees import File

pytestmark = pytest.mark.django_db
PLAIN_MODE = 0o100644


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
