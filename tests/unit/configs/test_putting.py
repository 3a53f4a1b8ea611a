"""A node's edits as a change of the repository."""

import pytest

from cluster_admin.configs.putting import WHY_ABSENT, Edited, changes_of
from cluster_admin.configs.refusals import Refused
from workers.repository.core.changes import Changes, Entry
from workers.repository.trees import File

PLAIN = 0o100644
LIVE = {
    path: File(f"{number:040x}", 10, PLAIN)
    for number, path in enumerate(
        [
            "global/main.cf.j2",
            "global/access",
            "east/default/aliases",
            "east/mta1/access",
            "east/mta1/own",
            "east/mta1/made.j2",
            "east/mta1/aliases.absent",
        ]
    )
}


def put(*edits: Edited, newest: dict[str, File] = LIVE) -> Changes:
    return changes_of(edits, "east", "mta1", LIVE, newest)


def test_an_edited_file_goes_to_the_nodes_own_directory() -> None:
    assert put(Edited("main.cf", b"x")) == {"east/mta1/main.cf": Entry(b"x")}
    assert put(Edited("access", b"y", True)) == {"east/mta1/access": Entry(b"y", True)}
    assert put(Edited("new/file", b"")) == {"east/mta1/new/file": Entry(b"")}


def test_it_takes_the_place_of_what_yields_the_same_path() -> None:
    assert put(Edited("made", b"x")) == {
        "east/mta1/made.j2": None,
        "east/mta1/made": Entry(b"x"),
    }
    assert put(Edited("aliases", b"x")) == {
        "east/mta1/aliases.absent": None,
        "east/mta1/aliases": Entry(b"x"),
    }


def test_a_removed_file_goes_or_is_marked_as_absent() -> None:
    assert put(Edited("own", None)) == {"east/mta1/own": None}
    assert put(Edited("main.cf", None)) == {"east/mta1/main.cf.absent": Entry(WHY_ABSENT)}
    assert put(Edited("access", None)) == {
        "east/mta1/access": None,
        "east/mta1/access.absent": Entry(WHY_ABSENT),
    }


@pytest.mark.parametrize("path", ["x.j2", "y.absent"])
def test_what_would_mean_something_else_is_refused(path: str) -> None:
    with pytest.raises(Refused, match="mean something else here; rename it"):
        put(Edited(path, b"{{ node }}"))


def test_what_others_changed_meanwhile_is_not_hidden() -> None:
    newest = LIVE | {"global/main.cf.j2": File("f" * 40, 11, PLAIN)}

    with pytest.raises(Refused, match=r"global/main.cf.j2 has been changed since"):
        put(Edited("main.cf", b"x"), newest=newest)
    assert put(Edited("own", b"x"), newest=newest) == {"east/mta1/own": Entry(b"x")}
