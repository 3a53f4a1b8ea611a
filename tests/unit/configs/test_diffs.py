"""Differences as values and as text: every kind of file, bounded, fit to be printed."""

import pytest

from cluster_admin.configs.diff_lines import CARRIAGE_RETURN, LINE_CHARACTERS, Mark, visible
from cluster_admin.configs.diffs import Bounds, Diff, FileDiff, Plain, of_trees, unified
from workers.config.core.render import File
from workers.config.core.secrets import Span
from workers.repository.differences import Kind


def _between(old: bytes | None, new: bytes | None, **bounds: int) -> Diff:
    sides = [{} if side is None else {"main.cf": Plain(side)} for side in (old, new)]
    return of_trees(sides[0], sides[1], Bounds(**bounds))


def _only(old: bytes | None, new: bytes | None, **bounds: int) -> FileDiff:
    (found,) = _between(old, new, **bounds).files
    return found


def test_trees_that_are_the_same_do_not_differ() -> None:
    assert _between(b"a\n", b"a\n") == Diff(())
    assert unified(Diff(())) == ""


def test_a_changed_line_stands_between_three_of_its_neighbours() -> None:
    old = b"".join(b"%d\n" % n for n in range(1, 21))

    found = _only(old, old.replace(b"10\n", b"ten\n"))

    (hunk,) = found.hunks
    assert hunk.heading == "@@ -7,7 +7,7 @@"
    assert [f"{one.mark}{one.text}" for one in hunk.lines] == [
        *(" 7", " 8", " 9", "-10", "+ten", " 11", " 12", " 13")
    ]
    assert [(one.old, one.new) for one in hunk.lines][2:6] == [(9, 9), (10, 0), (0, 10), (11, 11)]
    assert (found.kind, found.added, found.removed, found.note) == (Kind.CHANGED, 1, 1, "")


def test_the_text_is_a_unified_diff() -> None:
    assert unified(_between(b"a\nb\n", b"a\nc\n")) == (
        "--- a/main.cf\n+++ b/main.cf\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    )


def test_files_come_and_go() -> None:
    came, gone = _only(None, b"a\n"), _only(b"a\n", None)

    assert (came.kind, came.old_mode, came.new_mode) == (Kind.ADDED, 0, 0o100644)
    assert (gone.kind, gone.old_mode, gone.new_mode) == (Kind.DELETED, 0o100644, 0)
    assert unified(_between(None, b"a\n")).startswith("--- /dev/null\n+++ b/main.cf\n@@ -0,0 +1,1")
    assert unified(_between(b"a\n", None)).startswith("--- a/main.cf\n+++ /dev/null\n")


def test_an_empty_file_that_comes_is_named() -> None:
    found = _only(None, b"")

    assert (found.kind, found.hunks, found.added) == (Kind.ADDED, (), 0)


def test_what_looks_like_a_heading_is_a_line() -> None:
    old = b"-- a\n@@ -1 +1 @@\n++ b\n"

    found = _only(old, b"")

    assert [one.text for one in found.hunks[0].lines] == ["-- a", "@@ -1 +1 @@", "++ b"]
    assert found.removed == 3


def test_a_newline_missing_at_the_end_is_told_on_either_side() -> None:
    diff = _between(b"a\nb", b"a\nc")

    assert [one.newline for one in diff.files[0].hunks[0].lines] == [True, False, False]
    assert unified(diff).splitlines()[-4:] == [
        *("-b", "\\ No newline at end of file", "+c", "\\ No newline at end of file")
    ]
    (added,) = _only(b"a", b"a\n").hunks
    assert [(one.mark, one.newline) for one in added.lines] == [
        (Mark.OLD, False),
        (Mark.NEW, True),
    ]


def test_line_ends_show_only_where_they_are_what_differs() -> None:
    same = _only(b"a\r\nb\r\n", b"a\r\nc\r\n")
    other = _only(b"a\nb\n", b"a\r\nb\r\n")

    assert [one.text for one in same.hunks[0].lines] == ["a", "b", "c"]
    assert same.note == ""
    texts = [one.text for one in other.hunks[0].lines]
    assert texts == ["a", "b", f"a{CARRIAGE_RETURN}", f"b{CARRIAGE_RETURN}"]
    assert "CR LF" in other.note


def test_binary_files_are_named_without_lines() -> None:
    found = _only(b"a\0b", b"a\0c")

    assert (found.binary, found.hunks) == (True, ())
    assert found.note == "binary, so no lines are shown"


def test_bytes_that_are_no_text_are_told() -> None:
    found = _only(b"name = M\xfcller\n", b"name = Muster\n")

    assert found.hunks[0].lines[0].text == "name = M\N{REPLACEMENT CHARACTER}ller"
    assert "not UTF-8" in found.note


def test_a_file_that_only_becomes_executable_is_told() -> None:
    diff = of_trees({"run": Plain(b"x\n")}, {"run": Plain(b"x\n", True)})

    assert diff.files[0].note == "now executable"
    assert unified(diff) == "--- a/run\n+++ b/run\n# now executable\n"


def test_a_long_line_is_cut_and_says_so() -> None:
    found = _only(None, b"x" * (LINE_CHARACTERS + 5) + b"\n")

    (line,) = found.hunks[0].lines
    assert (len(line.text), line.more) == (LINE_CHARACTERS, 5)
    assert found.note == "long lines are cut"


def test_lines_and_files_beyond_the_bounds_are_counted() -> None:
    many = b"".join(b"%d\n" % n for n in range(100))

    found = _only(None, many, file_lines=10)

    assert len(found.hunks[0].lines) == 10
    assert (found.added, found.note) == (100, "90 more lines are not shown")
    trees = {f"f{n}": Plain(b"x\n") for n in range(9)}
    diff = of_trees({}, trees, Bounds(files=4, lines=2))
    assert ([len(one.hunks) for one in diff.files], diff.more) == ([1, 1, 0, 0], 5)
    assert diff.note == "5 more files differ; ask for some of them by path"
    assert unified(diff).endswith(f"# {diff.note}\n")
    short = of_trees({}, trees, Bounds(characters=1))
    assert [len(one.hunks) for one in short.files][:3] == [1, 0, 0]


def test_a_file_too_long_to_compare_is_named() -> None:
    found = _only(None, b"x\n" * 2_500_000)

    assert (found.hunks, found.note) == ((), "too long for its lines to be shown")


def test_secrets_stay_concealed() -> None:
    files = [
        {"users": File(b"key = %s\n" % value, False, "users.j2", (Span(6, 9, "api"),))}
        for value in (b"abc", b"xyz")
    ]

    assert of_trees(files[0], files[1]) == Diff(())
    assert "abc" not in unified(of_trees({}, files[0]))
    assert "+key = <secret api>" in unified(of_trees({}, files[0]))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain\tand tabs", "plain\tand tabs"),
        ("\x1b[31m", "\N{SYMBOL FOR ESCAPE}[31m"),
        ("a\x7f", "a\N{SYMBOL FOR DELETE}"),
        ("a\u202eb", "a<U+202E>b"),
        ("10\u00a0MB", "10<U+00A0>MB"),
        ("Zürich", "Zürich"),
    ],
)
def test_what_does_not_show_stands_as_a_sign(raw: str, shown: str) -> None:
    assert visible(raw) == shown
