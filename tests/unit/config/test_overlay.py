"""Which files a node gets, and which repositories are refused."""

import pytest

from tests.unit.config.rendered import EXECUTABLE, LINK, SUBMODULE, outcome, problems, tree
from workers.config.core.overlay import FILES_MAX, Layers, layers
from workers.config.core.render import Tree


def test_the_layers_are_global_then_default_then_the_node() -> None:
    assert layers("site", "mta1") == ("global", "site/default", "site/mta1")


def test_a_later_layer_replaces_an_earlier_one() -> None:
    files = {
        "global/main.cf": "global",
        "global/aliases": "global",
        "global/motd": "global",
        "site/default/main.cf": "default",
        "site/default/aliases": "default",
        "site/mta1/main.cf": "node",
    }

    assert tree(files) == {"aliases": b"default", "main.cf": b"node", "motd": b"global"}


def test_other_nodes_subclusters_and_what_is_in_no_layer_do_not_matter() -> None:
    files = {
        "README.md": "x",
        "site/definitions.toml": "x",
        "site/mta2/a": "x",
        "site/mta11/a": "x",
        "other/default/a": "x",
        "globals/a": "x",
        "global/b": "here",
    }

    assert tree(files) == {"b": b"here"}


def test_a_template_replaces_a_plain_file_and_the_other_way_round() -> None:
    files = {
        "global/a": "plain",
        "site/default/a.j2": "{{ node.name }}",
        "global/b.j2": "{{ node.name }}",
        "site/mta1/b": "{{ plain }}",
    }

    assert tree(files) == {"a": b"mta1", "b": b"{{ plain }}"}


def test_a_file_and_its_template_in_one_layer_are_refused() -> None:
    assert problems({"global/d/a": "", "global/d/a.j2": ""}) == [
        "global/d/a.j2: it and global/d/a are both about 'd/a'; keep one of them"
    ]


@pytest.mark.parametrize("own", ["a", "a.j2"])
def test_a_file_and_its_mark_of_absence_in_one_layer_are_refused(own: str) -> None:
    (problem,) = problems({f"global/{own}": "", "global/a.absent": ""})

    assert "both about 'a'" in problem


@pytest.mark.parametrize("marker", ["a.absent", "a.j2.absent"])
@pytest.mark.parametrize("inherited", ["a", "a.j2"])
def test_absent_takes_an_inherited_file_away(inherited: str, marker: str) -> None:
    files = {f"global/{inherited}": "", "global/b": "", f"site/mta1/{marker}": "because {{"}

    assert tree(files) == {"b": b""}


def test_absent_takes_a_whole_directory_away_but_nothing_that_only_begins_alike() -> None:
    files = {"global/d/a": "", "global/d/e/b": "", "global/de": "", "site/default/d.absent": ""}

    assert tree(files) == {"de": b""}


def test_what_was_taken_away_can_come_back() -> None:
    files = {"global/a": "old", "site/default/a.absent": "", "site/mta1/a": "new"}

    assert tree(files) == {"a": b"new"}


def test_absent_of_what_is_not_there_is_no_problem() -> None:
    assert tree({"global/nothing.absent": "", "global/a": ""}) == {"a": b""}


def test_absent_makes_a_directory_anew_in_its_own_layer() -> None:
    files = {"global/d/a": "", "global/d/b": "", "site/mta1/d.absent": "", "site/mta1/d/c": ""}

    assert tree(files) == {"d/c": b""}


def test_a_file_against_a_directory_is_refused_with_both_paths() -> None:
    (problem,) = problems({"global/a": "", "site/mta1/a/b/c": ""})

    assert problem.startswith("site/mta1/a/b/c: needs a directory where global/a is a file")
    assert "a.absent" in problem


def test_a_file_may_replace_a_directory_with_a_mark_of_absence() -> None:
    files = {"global/a/b": "", "site/default/a.absent": "", "site/mta1/a": "file"}

    assert tree(files) == {"a": b"file"}
    assert problems({"global/a/b": "", "site/mta1/a": "file"})


def test_names_that_end_like_a_mark_can_be_made_with_templates() -> None:
    files = {"global/a.j2.j2": "{% raw %}{{ x }}{% endraw %}", "global/b.absent.j2": "b"}

    assert tree(files) == {"a.j2": b"{{ x }}", "b.absent": b"b"}


def test_what_begins_with_an_underscore_is_only_included() -> None:
    files = {
        "global/d/_a.cf.j2": "of global",
        "global/b.j2": "{% include 'd/_a.cf.j2' %}",
        "site/mta1/d/_a.cf.j2": "of {{ node.name }}",
        "global/_plain": "stays",
    }

    assert tree(files) == {"_plain": b"stays", "b": b"of mta1"}


def test_whether_a_file_may_be_run_is_kept_and_decided_by_the_last_layer() -> None:
    files = {"global/a": "", "global/b.j2": "", "site/mta1/a": ""}
    found = outcome(files, modes={"global/a": EXECUTABLE, "global/b.j2": EXECUTABLE})

    assert isinstance(found, Tree)
    assert {p: file.executable for p, file in found.files.items()} == {"a": False, "b": True}
    assert found.contents == {"a": (b"", False), "b": (b"", True)}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("..", "no path within"),
        ("d/../../a", "no path within"),
        ("/etc/passwd", "no path within"),
        ("./a", "no path within"),
        ("d//a", "no path within"),
        ("d/.git/hooks/a", "no path within"),
        (".j2", "no path within"),
        (".absent", "no path within"),
        ("d/..absent", "no path within"),
        ("d/...j2", "no path within"),
        ("a\nb", "cannot be shown"),
        ("a\x1b[2J", "cannot be shown"),
        ("a\udcff", "cannot be shown"),
        ("a" * 256, "too long"),
        ("d/" * 600 + "a", "too long"),
    ],
)
def test_paths_outside_the_tree_and_names_that_are_none_are_refused(path: str, why: str) -> None:
    (problem,) = problems({f"global/{path}": "", "global/fine": ""})

    assert problem.startswith(f"global/{path}: ")
    assert why in problem


@pytest.mark.parametrize(
    ("mode", "what"), [(LINK, "symbolic link"), (SUBMODULE, "submodule"), (0o010644, "mode 10644")]
)
def test_only_plain_files_are_taken(mode: int, what: str) -> None:
    (problem,) = problems({"global/a": "/etc/shadow"}, modes={"global/a": mode})

    assert what in problem


def test_too_many_files_are_refused() -> None:
    (problem,) = problems({f"global/{number}": "" for number in range(FILES_MAX + 1)})

    assert problem.startswith("site/mta1: 10001 files are too many")


def test_names_of_layers_are_no_names_of_nodes_or_subclusters() -> None:
    assert [str(one) for one in Layers({}).tree("global", "mta1")] == [
        "global/mta1: no subcluster 'global' can be; choose another name"
    ]
    assert [str(one) for one in Layers({}).tree("site", "default")] == [
        "site/default: no node 'default' can be; choose another name"
    ]


def test_every_problem_is_told() -> None:
    found = problems({"global/..": "", "site/default/a": "", "site/default/a.j2": ""})

    assert len(found) == 2
