"""Directories of a listing, and what two listings do not have alike."""

from dataclasses import dataclass

from cluster_admin.dashboard.config_trees import changes, crumbs, rows_of


@dataclass(frozen=True)
class One:
    blob: str
    size: int = 1
    executable: bool = False


TREE = {
    "default/definitions.toml": One("d", 10),
    "default/mta1/run": One("r", 2, True),
    "default/mta1/x/y": One("y", 3),
    "global/a": One("a", 4),
    "globally/b": One("b", 5),
}


def everything(path: str) -> bool:
    return True


def test_directories_come_first_with_all_that_is_below_them() -> None:
    top = rows_of(TREE, "", everything)
    below = rows_of(TREE, "default", everything)

    assert [(one.name, one.files, one.size) for one in top] == [
        ("default", 3, 15),
        ("global", 1, 4),
        ("globally", 1, 5),
    ]
    assert [(one.name, one.directory) for one in below] == [
        ("mta1", True),
        ("definitions.toml", False),
    ]
    assert [one.executable for one in rows_of(TREE, "default/mta1", everything)] == [False, True]


def test_what_may_not_be_seen_is_not_even_counted() -> None:
    rows = rows_of(TREE, "", lambda path: path.startswith("global/"))

    assert [(one.name, one.files) for one in rows] == [("global", 1)]


def test_every_kind_of_change_is_told_apart() -> None:
    new = {
        **{path: one for path, one in TREE.items() if path != "global/a"},
        "default/mta1/run": One("r", 2),
        "default/mta1/x/y": One("z", 3),
        "new": One("n"),
    }

    assert [(one.path, one.kind) for one in changes(TREE, new)] == [
        ("default/mta1/run", "mode"),
        ("default/mta1/x/y", "changed"),
        ("global/a", "deleted"),
        ("new", "added"),
    ]
    assert changes(new, new) == []


def test_crumbs_lead_from_the_top() -> None:
    assert [one.path for one in crumbs("a/b/c")] == ["a", "a/b", "a/b/c"]
    assert crumbs("") == []
