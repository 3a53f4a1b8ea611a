"""Differences as people see them: one renderer for the CLI, the API and the pages.

Running to proposed: the old side is what is, the new one what comes. Shown are revisions
(`of_differences`, from `Repository.diff`) or trees (`of_trees`, from rendered ones, with secrets
concealed). Whatever the files hold, what is shown is bounded, and says what it leaves out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from cluster_admin.configs.diff_lines import Hunk, Reading, read, visible
from workers.repository.differences import Contents, Difference, Kind, of_contents

EXECUTABLE_MODE = 0o100755


class Shown(Protocol):
    """A file of a tree, as people may see it: `config.core.render.File`, or `Plain`."""

    @property
    def shown(self) -> bytes:
        """The content, with secrets concealed."""

    @property
    def executable(self) -> bool:
        """Whether it may be run."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A file without secrets."""

    shown: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is shown; the rest is counted. No `lines`: files with their counts alone."""

    files: int = 1_000
    file_lines: int = 2_000
    """Of one file."""
    lines: int = 5_000
    """Of all files."""
    characters: int = 2 * 1024 * 1024
    """Of all files; the last one shown may go beyond by one file's lines."""


USUAL = Bounds()


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file that is not the same on both sides."""

    path: str
    kind: Kind
    old_mode: int
    """As git has it, such as 0o100644; 0 where there is no file. So for `new_mode`."""
    new_mode: int
    binary: bool
    added: int
    """Lines, shown or not; 0 when its lines were not compared. So for `removed`."""
    removed: int
    hunks: tuple[Hunk, ...]
    note: str
    """What is to be known of what is shown, as sentences; empty: it is all there is."""


@dataclass(frozen=True, slots=True)
class Diff:
    """All that differs, in the order of paths."""

    files: tuple[FileDiff, ...]
    more: int = 0
    """Files that differ too and are not named."""

    @property
    def added(self) -> int:
        """Lines of the files named. So for `removed`."""
        return sum(one.added for one in self.files)

    @property
    def removed(self) -> int:
        """See `added`."""
        return sum(one.removed for one in self.files)

    @property
    def note(self) -> str:
        """What is left out, as a sentence; empty: nothing."""
        return f"{self.more} more files differ; ask for some of them by path" if self.more else ""


def of_differences(differences: Iterable[Difference], bounds: Bounds = USUAL) -> Diff:
    """What the repository says of two revisions."""
    files: list[FileDiff] = []
    lines, characters, more = bounds.lines, bounds.characters, 0
    for one in differences:
        if len(files) >= bounds.files:
            more += 1
            continue
        limit = min(bounds.file_lines, lines) if characters > 0 else 0
        found = read(one.text, limit)
        shown = [line for hunk in found.hunks for line in hunk.lines]
        lines -= len(shown)
        characters -= sum(len(line.text) for line in shown)
        files.append(
            FileDiff(
                path=visible(one.path),
                kind=one.kind,
                old_mode=one.old_mode,
                new_mode=one.new_mode,
                binary=one.binary,
                added=found.added,
                removed=found.removed,
                hunks=found.hunks,
                note="; ".join(_notes(one, found, bounds.lines)),
            )
        )
    return Diff(tuple(files), more)


def of_trees(old: Mapping[str, Shown], new: Mapping[str, Shown], bounds: Bounds = USUAL) -> Diff:
    """What differs between two trees of files, path by path."""
    return of_differences(of_contents(_contents(old), _contents(new)), bounds)


def unified(diff: Diff) -> str:
    """The whole as text for people: unified hunks, and what is to be known behind a `#`."""
    lines = [line for one in diff.files for line in _unified(one)]
    if diff.note:
        lines.append(f"# {diff.note}")
    return "".join(f"{line}\n" for line in lines)


def _unified(one: FileDiff) -> Iterator[str]:
    yield "--- /dev/null" if one.kind is Kind.ADDED else f"--- a/{one.path}"
    yield "+++ /dev/null" if one.kind is Kind.DELETED else f"+++ b/{one.path}"
    for hunk in one.hunks:
        yield hunk.heading
        for line in hunk.lines:
            yield f"{line.mark}{line.text}{'...' if line.more else ''}"
            if not line.newline:
                yield "\\ No newline at end of file"
    if one.note:
        yield f"# {one.note}"


def _notes(one: Difference, found: Reading, limit: int) -> Iterator[str]:
    """What is to be known of a file's difference."""
    if one.old_mode and one.new_mode and one.old_mode != one.new_mode:
        yield "now executable" if one.new_mode == EXECUTABLE_MODE else "no longer executable"
    elif one.kind is Kind.ADDED and one.new_mode == EXECUTABLE_MODE:
        yield "executable"
    if one.binary:
        yield "binary, so no lines are shown"
    elif one.cut:
        yield "too long for its lines to be shown"
    if found.left_out and limit:
        yield f"{found.left_out} more lines are not shown"
    if found.shortened:
        yield "long lines are cut"
    if found.both_endings:
        yield "\N{SYMBOL FOR CARRIAGE RETURN} marks lines that end in CR LF"
    if "\N{REPLACEMENT CHARACTER}" in one.text:
        yield "\N{REPLACEMENT CHARACTER} stands for bytes that are not UTF-8"


def _contents(tree: Mapping[str, Shown]) -> Contents:
    return {path: (file.shown, file.executable) for path, file in tree.items()}
