"""A pull: the files of a working copy become those of a revision, local edits kept.

Observe, decide, fetch everything, and only then: the plan into the state, the files one by one,
the new base into the state. Whatever ends it before the last step leaves every local edit; the next
pull goes on with it. What is decided is in `config_plans`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from cluster_admin.cli import config_files, config_lines
from cluster_admin.cli.columns import printable
from cluster_admin.cli.config_copies import WorkingCopy
from cluster_admin.cli.config_files import Found
from cluster_admin.cli.config_plans import Decision, decide, in_the_way, mergeable, side_of
from cluster_admin.cli.config_progress import progress
from cluster_admin.cli.config_remote import Point, Remote, RemoteFile
from cluster_admin.cli.config_states import Choice, Files, Pull, settled
from cluster_admin.cli.errors import Refused
from cluster_admin.cli.surroundings import Surroundings
from cluster_admin.cli.waiting import few
from workers.repository.core.merge import Version, merged_flag

WAY = "say what shall become of it: --mine, --theirs or --manual"


@dataclass(frozen=True, slots=True)
class Base:
    """What the local edits were made from."""

    files: Files
    content: Callable[[str], bytes]


@dataclass(slots=True)
class Puller:
    """Pulls into one working copy, whose lock is held."""

    copy: WorkingCopy
    remote: Remote
    around: Surroundings
    dry_run: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)
    """What was done to each path, or would be."""

    def pull(self, target: Point, choice: Choice | None) -> None:
        """Pull a revision, after what an interrupted pull left; raises `Refused`."""
        self.check_open()
        state = self.copy.state
        self.remote.check(Point(state.revision, state.commit))
        if (begun := state.pulling) is not None:
            self.pull_to(Point(begun.revision, begun.commit), choice or begun.choice)
            if self.dry_run or self.copy.state.conflicts:
                return
        self.pull_to(target, choice)

    def pull_to(self, target: Point, choice: Choice | None, base: Base | None = None) -> None:
        """Pull a revision, changed from `base` (unset: what the state says)."""
        state, found = self.copy.state, config_files.scan(self.copy.root)
        base = base or Base(settled(state, found.files), self._content)
        there = {p: f for p, f in self.remote.tree(target.number).items() if state.has(p)}
        theirs = {path: file.version for path, file in there.items()}
        merged = self._merged(target, base, theirs, found.files)
        versions = {path: version for path, (version, _) in merged.items()}
        decision = decide(base.files, theirs, found.files, versions, choice)
        self._refuse(decision, found, target)
        self.rows += _rows(decision, found.files, theirs, versions)
        if self.dry_run:
            return
        begun = state.pulling
        pull = Pull(
            revision=target.number,
            commit=target.commit,
            choice=choice,
            theirs={
                **(begun.theirs if begun else {}),
                **{path: theirs.get(path) for path in decision.results},
            },
            results={**(begun.results if begun else {}), **decision.results},
            conflicts=tuple(decision.conflicts),
        )
        asides = self._fetch(self._contents(target, base, decision, found.files, there, merged))
        sides = _sides(decision, base.files, found.files, theirs)
        if decision.results:
            self.copy.save(msgspec.structs.replace(state, pulling=pull))
        for path, versions_beside in sides.items():
            for side, version in versions_beside.items():
                place = side_of(path, side)
                config_files.put(self.copy.root, place, asides[place], version.executable)
        self._apply(decision, found, asides)
        self.copy.save(
            msgspec.structs.replace(
                state,
                **{"revision": target.number, "commit": target.commit, "files": theirs},
                conflicts={path: tuple(beside) for path, beside in sides.items()},
                pulling=None,
            )
        )

    def check_open(self) -> None:
        """Raise `Refused` while conflicts are open."""
        if self.copy.state.conflicts:
            names = few(list(self.copy.state.conflicts))
            raise Refused(f"in conflict: {names}; end that first with: muster config resolve PATH")

    def _content(self, path: str) -> bytes:
        state = self.copy.state
        return self.remote.content(state.revision, path, state.files[path].blob)

    def _merged(
        self, target: Point, base: Base, theirs: Files, local: Files
    ) -> dict[str, tuple[Version, bytes | None]]:
        """The files that both sides changed, merged; without text where it is one side's."""
        found: dict[str, tuple[Version, bytes | None]] = {}
        for path in mergeable(base.files, theirs, local):
            before, mine, other = base.files[path], local[path], theirs[path]
            flag = merged_flag(before.executable, other.executable, mine.executable)
            if before.blob in (mine.blob, other.blob) or mine.blob == other.blob:
                blob = other.blob if mine.blob == before.blob else mine.blob
                found[path] = Version(blob, flag), None
                continue
            text = config_lines.merge(
                base.content(path),
                config_files.read(self.copy.root, path),
                self.remote.content(target.number, path, other.blob),
            )
            if text is not None:
                found[path] = Version(config_files.blob_of(text), flag), text
        return found

    def _refuse(self, decision: Decision, found: Found, target: Point) -> None:
        if decision.unsettled:
            names = few(decision.unsettled)
            raise Refused(f"changed here and in r{target.number}: {names}; {WAY}")
        begun = self.copy.state.pulling
        own = begun.conflicts if begun else ()
        ways = list(in_the_way(decision, found.files, found.others, own))
        if ways:
            raise Refused("\n".join(map(printable, ways)))

    def _contents(
        self,
        target: Point,
        base: Base,
        decision: Decision,
        local: Files,
        there: Mapping[str, RemoteFile],
        merged: Mapping[str, tuple[Version, bytes | None]],
    ) -> Iterator[tuple[str, bytes]]:
        """Every content that is to be put in place, with where."""
        wanted = {}
        for path, result in decision.results.items():
            text = merged[path][1] if path in merged else None
            if text is not None:
                yield path, text
            elif result and _differs(result, local.get(path)):
                wanted[path] = there[path]
        for path in decision.conflicts:
            if path in base.files:
                yield side_of(path, "base"), base.content(path)
            if path in local:
                yield side_of(path, "mine"), config_files.read(self.copy.root, path)
            if path in there:
                blob = there[path].version.blob
                yield side_of(path, "theirs"), self.remote.content(target.number, path, blob)
        whole = sum(file.size for file in there.values())
        size = sum(file.size for file in wanted.values())
        contents = self.remote.contents(target.number, wanted, self.copy.state.under, whole)
        with progress(self.around, f"r{target.number}", size) as advance:
            for path, content in contents:
                yield path, content
                advance(len(content))

    def _fetch(self, contents: Iterator[tuple[str, bytes]]) -> dict[str, Path]:
        """Have all of it in `incoming`, on the disk."""
        incoming = self.copy.empty_incoming()
        asides: dict[str, Path] = {}
        for path, content in contents:
            asides[path] = incoming / str(len(asides))
            config_files.write_aside(asides[path], [content])
        config_files.sync(list(asides.values()))
        return asides

    def _apply(self, decision: Decision, found: Found, asides: Mapping[str, Path]) -> None:
        """Put everything in place; raises `Refused` for what was edited meanwhile."""
        root, edited = self.copy.root, []
        changed = {
            path: result
            for path, result in decision.results.items()
            if result != found.files.get(path)
        }
        # Deletions first: a directory may take the place of a file, and a file of a directory.
        for path, result in sorted(changed.items(), key=lambda item: (bool(item[1]), item[0])):
            if not config_files.is_as_found(root, path, found):
                edited.append(path)
            elif result is None:
                config_files.remove(root, path)
            elif not _differs(result, found.files.get(path)):
                config_files.mark(root, path, executable=result.executable)
            else:
                config_files.put(root, path, asides[path], result.executable)
        if edited:
            way = "nothing of it is lost; once more: muster config pull"
            raise Refused(f"changed while it was pulled: {few(edited)}; {way}")


def _differs(one: Version, other: Version | None) -> bool:
    """Whether the contents are not the same."""
    return other is None or one.blob != other.blob


def _sides(
    decision: Decision, base: Files, local: Files, theirs: Files
) -> dict[str, dict[str, Version]]:
    """The sides of each conflict that there are."""
    trees = {"base": base, "mine": local, "theirs": theirs}
    return {
        path: {side: tree[path] for side, tree in trees.items() if path in tree}
        for path in decision.conflicts
    }


def _rows(
    decision: Decision, local: Files, theirs: Files, merged: Mapping[str, Version]
) -> Sequence[dict[str, Any]]:
    rows = []
    for path, result in decision.results.items():
        mine, other = local.get(path), theirs.get(path)
        if path in decision.conflicts:
            what = "conflict"
        elif path in merged:
            what = "merged"
        elif mine == result:
            what = "same" if other == result else "kept"
        else:
            what = "gone" if result is None else "changed" if mine else "new"
        rows.append({"path": path, "outcome": what})
    return rows
