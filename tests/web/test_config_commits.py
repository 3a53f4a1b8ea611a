"""Commits of the configuration: rendered for every node, in git and in the index, or nothing."""

from collections.abc import Mapping

import pytest

from cluster_admin.audit.models import AuditRecord
from cluster_admin.configs import services as configs
from cluster_admin.configs.models import Revision
from cluster_admin.configs.places import Plan
from cluster_admin.configs.rebasing import copy_of, revert_of
from cluster_admin.configs.store import repository
from cluster_admin.inventory.models import Subcluster
from tests.web.config_stage import ACTOR, add_vip, commit, entries, head, subcluster, text
from workers.config.core.render import Tree
from workers.repository.core.changes import FILE_BYTES, Entry
from workers.repository.errors import (
    ConflictError,
    NothingChangedError,
    TextError,
    UnknownRevisionError,
)

pytestmark = pytest.mark.django_db
LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
HUGE = (
    "{% set a = namespace(x='x' * 1000000) %}"
    "{% for i in range(1000) %}{% set a.x = a.x ~ a.x %}{% endfor %}"
)


@pytest.fixture
def home() -> Subcluster:
    return subcluster()


def test_a_commit_is_in_git_in_the_index_and_in_the_audit(home: Subcluster) -> None:
    before = head()

    made = commit({"global/motd": "hello\n"}, message="Greet\n\nwarmly")

    kept = repository().head()
    assert kept is not None
    assert made.revision is not None
    assert (made.head, made.revision.number, kept.number) == (before + 1,) * 3
    assert (made.revision.commit, made.revision.author) == (kept.hash, "ann")
    assert (kept.name, kept.email, kept.message) == ("ann", "ann@demo", "Greet\n\nwarmly")
    assert text("global/motd") == "hello\n"
    record = AuditRecord.objects.get(kind="configuration", object=str(made.revision))
    assert (record.actor, record.token, record.subcluster) == ("ann", "laptop", "global")
    assert record.after == {"paths": ["global/motd"], "files": 1}


def test_the_same_key_makes_one_revision(home: Subcluster) -> None:
    first = commit({"global/motd": "hello\n"}, key="k-1")
    again = commit({"global/motd": "hello\n"}, base=0, key="k-1")

    assert again.revision == first.revision
    assert AuditRecord.objects.filter(object=str(first.revision)).count() == 1


def test_a_dry_run_shows_each_node_and_changes_nothing(home: Subcluster) -> None:
    commit({"global/main.cf.j2": "name = {{ node.name }}\n", "default/mta2/own": "1\n"})
    before = head(), Revision.objects.count(), AuditRecord.objects.count()

    made = commit(
        {"global/main.cf.j2": "host = {{ node.name }}\npassword = {{ secret('p') }}\n"},
        dry_run=True,
    )

    assert made.revision is None
    assert made.head == before[0]
    assert (head(), Revision.objects.count(), AuditRecord.objects.count()) == before
    assert [(one.node, one.differences[0].path) for one in made.previews] == [
        ("mta1", "main.cf"),
        ("mta2", "main.cf"),
    ]
    assert "-name = mta1\n+host = mta1\n" in made.previews[0].differences[0].text
    assert "+password = <secret p>\n" in made.previews[0].differences[0].text


def test_a_preview_shows_plain_files_and_who_takes_whose_place(home: Subcluster) -> None:
    same = "{{ node.name }}\n"
    commit({"global/a": "1\n", "global/b.j2": same, "global/c": same, "default/mta1/c": same})

    shown = configs.preview(
        entries(
            {
                "global/a": Entry(b"1\n", executable=True),
                "default/mta1/b": "plain\n",
                "default/mta2/c": "other\n",
                "default/mta2/binary": b"\0",
            }
        ),
        head(),
    )

    told = {one.node: {d.path: (d.kind.value, d.binary) for d in one.differences} for one in shown}
    assert told == {
        "mta1": {"a": ("changed", False), "b": ("changed", False)},
        "mta2": {"a": ("changed", False), "c": ("changed", False), "binary": ("added", True)},
    }
    texts = {d.path: d.text for d in shown[0].differences}
    assert texts["a"] == ""
    assert "-mta1\n+plain\n" in texts["b"]
    assert "-{{ node.name }}\n+other\n" in {d.path: d.text for d in shown[1].differences}["c"]


def test_only_nodes_that_a_change_touches_are_shown(home: Subcluster) -> None:
    shown = configs.preview(entries({"default/mta2/own": "1\n"}), head())

    assert [one.node for one in shown] == ["mta2"]


def test_a_stale_base_is_merged_by_lines(home: Subcluster) -> None:
    lines = [f"line {number}\n" for number in range(9)]
    base = commit({"global/list": "".join(lines)}).head
    commit({"global/list": "".join(["first\n", *lines])})

    commit({"global/list": "".join([*lines, "last\n"])}, base=base)

    assert text("global/list") == "".join(["first\n", *lines, "last\n"])


def test_a_stale_base_that_cannot_be_merged_is_a_conflict_with_all_sides(home: Subcluster) -> None:
    base = commit({"global/motd": "hello\n"}).head
    commit({"global/motd": "hello there\n"})
    before = head()

    with pytest.raises(ConflictError) as caught:
        commit({"global/motd": "hello you\n", "global/other": "1\n"}, base=base)

    sides = caught.value.paths["global/motd"]
    assert (sides.base, sides.ours, sides.theirs) == (
        *(b"hello\n", b"hello you\n", b"hello there\n"),
    )
    assert head() == before == Revision.objects.count()


def test_what_cannot_be_rendered_is_refused_with_file_line_and_node(home: Subcluster) -> None:
    before = head()

    with pytest.raises(configs.Refused) as caught:
        commit({"default/mta2/main.cf.j2": "a = 1\nb = {{ nodee.name }}\n"})

    (problem,) = caught.value.problems
    assert problem[:3] == ("default/mta2/main.cf.j2", 2, "mta2")
    assert "nodee" in problem.sentence
    assert head() == before == Revision.objects.count()
    assert not AuditRecord.objects.filter(kind="configuration", outcome="done").exclude(
        object__in=[str(one) for one in Revision.objects.all()]
    )


def test_a_problem_that_all_nodes_share_is_told_once(home: Subcluster) -> None:
    with pytest.raises(configs.Refused) as caught:
        commit({"global/main.cf.j2": "{{ nothing }}\n"})

    assert len(caught.value.problems) == 1


def test_a_node_that_was_bad_before_stands_in_nobodys_way(home: Subcluster) -> None:
    from tests.unit.repository.stage import commit as unchecked

    unchecked(repository(), {"default/mta1/bad.j2": b"{{ nothing }}"})

    commit({"default/mta2/own": "1\n"})
    with pytest.raises(configs.Refused):
        commit({"default/mta1/own": "1\n"})
    commit({"default/mta1/bad.j2": None})


BAD: dict[str, tuple[Mapping[str, bytes | str | None], str]] = {
    "dots": ({"global/../etc/passwd": "x"}, "has . or .. as a name"),
    "absolute": ({"/etc/passwd": "x"}, "begins with /"),
    "case": ({"global/motd": "x", "global/MOTD": "x"}, "differs only in case"),
    "no place": ({"motd": "x"}, "stands outside of any tree"),
    "of git": ({"global/.gitattributes": "x"}, "git keeps for itself"),
    "unknown subcluster": ({"nowhere/default/x": "x"}, "subcluster that is not defined"),
    "unknown node": ({"default/mta9/x": "x"}, "node that is not defined"),
    "large": ({"global/large": b"x" * (FILE_BYTES + 1)}, "larger than"),
    "empty": ({}, "names no file"),
    "absent": ({"global/nothing": None}, "not in the tree"),
    "path in another encoding": ({"global/\udcff": "x"}, "is not UTF-8"),
    "template in another encoding": ({"global/x.j2": b"\xff\xfe"}, "UTF-8"),
    "template that loops": ({"global/x.j2": LOOP}, "takes too long"),
    "template that allocates": ({"global/x.j2": HUGE}, "memory"),
    "undefined": ({"global/x.j2": "{{ nothing }}"}, "nothing"),
    "syntax": ({"global/x.j2": "{% if %}"}, "global/x.j2:1"),
    "includes from elsewhere": ({"global/x.j2": "{% include '/etc/passwd' %}"}, "etc/passwd"),
    "definitions taken away": ({"default/definitions.toml": None}, "remove that instead"),
    "definitions that are none": ({"default/definitions.toml": "format = 2\n"}, "toml:1: "),
    "definitions of another": ({"other/definitions.toml": "DEFAULT"}, "put it under that name"),
    "definitions in another encoding": ({"default/definitions.toml": b"\xff"}, "UTF-8"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_and_nothing_is_changed(home: Subcluster, name: str) -> None:
    files, words = BAD[name]
    own = text("default/definitions.toml")
    files = {path: own if one == "DEFAULT" else one for path, one in files.items()}
    before = head()

    with pytest.raises(configs.Refused) as caught:
        commit(files)

    assert words in str(caught.value)
    assert head() == before == Revision.objects.count()
    assert text("default/definitions.toml") == own
    assert commit({"global/motd": "it still works\n"}).head == before + 1


@pytest.mark.parametrize(
    ("message", "base", "error"),
    [("", None, TextError), (" \n", None, TextError), ("x", 99, UnknownRevisionError)],
)
def test_a_commit_without_words_or_ground_is_refused(
    home: Subcluster, message: str, base: int | None, error: type[Exception]
) -> None:
    with pytest.raises(error):
        commit({"global/motd": "x"}, base=base, message=message)


def test_what_is_so_already_is_no_revision(home: Subcluster) -> None:
    commit({"global/motd": "hello\n"})

    with pytest.raises(NothingChangedError):
        commit({"global/motd": "hello\n"})


def test_any_bytes_are_kept_as_they_are(home: Subcluster) -> None:
    files = {"global/binary": b"\0\xff\x80", "global/crlf": b"a\r\nb\r\n", "global/latin": b"\xe9"}

    commit({**files, "global/run": Entry(b"#!/bin/sh\n", executable=True)})

    tree = configs.render("mta1", head())
    assert isinstance(tree, Tree)
    assert tree.contents["binary"] == (b"\0\xff\x80", False)
    assert tree.contents["crlf"] == (b"a\r\nb\r\n", False)
    assert tree.contents["run"] == (b"#!/bin/sh\n", True)


def test_a_revision_is_taken_back(home: Subcluster) -> None:
    commit({"global/motd": "hello\n", "global/other": "1\n"})
    made = commit({"global/motd": "bye\n", "global/other": None, "global/new": "2\n"})
    commit({"default/mta1/own": "3\n"})

    taken = follow_plan(revert_of(made.head))

    assert text("global/motd") == "hello\n"
    assert text("global/other") == "1\n"
    assert {"global/new"}.isdisjoint(repository().tree(head()))
    assert text("default/mta1/own") == "3\n"
    assert taken.revision is not None
    assert taken.revision.message == f"Take back r{made.head}: a change"


def test_a_change_of_definitions_is_taken_back(home: Subcluster) -> None:
    add_vip(home, "198.18.0.102")
    number = head()
    add_vip(home, "198.18.0.103")

    follow_plan(revert_of(number))

    assert sorted(home.vip_set.values_list("address", flat=True)) == [
        *("198.18.0.101", "198.18.0.103")
    ]


def test_a_directory_becomes_another_or_is_merged_into_it(home: Subcluster) -> None:
    subcluster("staging", "198.18.1", "test")
    commit({"staging/default/a": "1\n", "staging/default/b": "2\n", "default/default/c": "3\n"})

    follow_plan(copy_of("staging/default", "default/default", merge=True))
    assert _below("default/default/") == ["a", "b", "c"]

    follow_plan(copy_of("staging/default", "default/default"))
    assert _below("default/default/") == ["a", "b"]
    with pytest.raises(NothingChangedError):
        follow_plan(copy_of("staging/default", "default/default"))
    with pytest.raises(configs.Refused, match="has no files"):
        copy_of("staging/nothing", "default/default")


def test_a_node_that_is_not_there_has_no_tree(home: Subcluster) -> None:
    with pytest.raises(configs.UnknownNodeError, match="no node mta9 in r"):
        configs.render("mta9", head())


def follow_plan(plan: Plan) -> configs.Made:
    """Commit what was worked out."""
    return configs.commit(ACTOR, plan.changes, plan.message, base=plan.base)


def _below(directory: str) -> list[str]:
    paths = repository().tree(head())
    return [path.removeprefix(directory) for path in sorted(paths) if path.startswith(directory)]
