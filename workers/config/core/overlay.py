"""Which files a node gets: `global`, over it `SUBCLUSTER/default`, over it `SUBCLUSTER/NODE`.

Files are known by what they yield: `x.j2` is a template that yields `x`; `_x.j2` is only there to
be included and yields nothing; `x.absent` takes away what earlier layers have at `x`, a file or a
whole directory, and its own text is free to say why. (A file beside the one that it takes away has
a history of its own and merges without conflicts, which a list of names would not.) A later layer
replaces what an earlier one yields. Contents are not looked at here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, Protocol, TypeVar

from workers.config.core.problems import Problem

GLOBAL, DEFAULT = "global", "default"
TEMPLATE, ABSENT, INCLUDED = ".j2", ".absent", "_"
NAME_BYTES, PATH_BYTES = 255, 1024
FILES_MAX = 10_000
"""In the tree of one node."""
_KIND, _REGULAR, _EXECUTABLE = 0o170000, 0o100000, 0o100
_OTHER_KINDS = {0o120000: "a symbolic link", 0o160000: "a submodule", 0o040000: "a directory"}


class Entry(Protocol):
    """What the repository says of a file."""

    @property
    def blob(self) -> str:
        """Names the content: the same for the same bytes."""

    @property
    def mode(self) -> int:
        """As git has it, such as 0o100644."""


E = TypeVar("E", bound=Entry)


class Role(Enum):
    """What becomes of a file of the tree."""

    PLAIN = "goes to the node byte for byte"
    TEMPLATE = "is rendered"
    INCLUDED = "is included by others"


@dataclass(frozen=True, slots=True)
class Placed(Generic[E]):
    """A file of a node's tree. `source` is its path in the repository."""

    source: str
    entry: E
    role: Role

    @property
    def executable(self) -> bool:
        """Whether the file may be run; git keeps no other permission."""
        return bool(self.entry.mode & _EXECUTABLE)


@dataclass(frozen=True, slots=True)
class _Layer(Generic[E]):
    """A directory of the repository: what it takes away, and what it yields, by path."""

    removed: dict[str, str] = field(default_factory=dict)
    placed: dict[str, Placed[E]] = field(default_factory=dict)
    directories: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def add(self, source: str, relative: str, entry: E) -> None:
        """Note one file of the layer."""
        target, role = _yields(relative.removesuffix(ABSENT))
        if sentence := _refusal(relative, entry) or _bad_name(target):
            self.problems.append(Problem(source, 0, sentence))
            return
        other = self.removed.get(target) or (
            self.placed[target].source if target in self.placed else ""
        )
        if other:
            sentence = f"it and {other} are both about {target!r}; keep one of them"
            self.problems.append(Problem(source, 0, sentence))
        elif relative.endswith(ABSENT):
            self.removed[target] = source
        else:
            self.placed[target] = Placed(source, entry, role)
            self.directories.update(_upwards(target.rpartition("/")[0]))


def layers(subcluster: str, node: str) -> tuple[str, str, str]:
    """The directories of the repository that a node is made of, the weakest first."""
    return GLOBAL, f"{subcluster}/{DEFAULT}", f"{subcluster}/{node}"


class Layers(Generic[E]):
    """The files of one revision, from which the trees of many nodes are made."""

    def __init__(self, listing: Mapping[str, E]) -> None:
        self._listing = listing
        self._paths: dict[str, list[str]] = defaultdict(list)
        self._read: dict[str, _Layer[E]] = {}
        for path in sorted(listing):
            top, _, below = path.partition("/")
            self._paths[GLOBAL if top == GLOBAL else f"{top}/{below.partition('/')[0]}"].append(
                path
            )

    def tree(self, subcluster: str, node: str) -> dict[str, Placed[E]] | list[Problem]:
        """The tree of a node: what it yields -> the file that yields it, by path; or why not.

        Includes stand under their own names, with `.j2`.
        """
        own = layers(subcluster, node)[2]
        if subcluster == GLOBAL or node == DEFAULT:
            what = f"subcluster {GLOBAL!r}" if subcluster == GLOBAL else f"node {DEFAULT!r}"
            return [Problem(own, 0, f"no {what} can be; choose another name")]
        problems: list[Problem] = []
        tree: dict[str, Placed[E]] = {}
        directories: set[str] = set()
        for layer in map(self._layer, layers(subcluster, node)):
            if removed := layer.removed.keys():
                kept = (one for one in tree.items() if removed.isdisjoint(_upwards(one[0])))
                tree = dict(kept)
            tree.update(layer.placed)
            directories |= layer.directories
            problems += layer.problems
        if not directories.isdisjoint(tree):
            problems.extend(_clashes(tree))
        if len(tree) > FILES_MAX:
            sentence = f"{len(tree)} files are too many for one node; at most {FILES_MAX}"
            problems.append(Problem(own, 0, sentence))
        return problems or {path: tree[path] for path in sorted(tree)}

    def _layer(self, name: str) -> _Layer[E]:
        """What a layer does, read once for all nodes that have it."""
        found = self._read.get(name)
        if found is None:
            found = self._read[name] = _Layer()
            for source in self._paths.get(name, ()):
                found.add(source, source[len(name) + 1 :], self._listing[source])
        return found


def _yields(relative: str) -> tuple[str, Role]:
    """What a file is known by, and its role."""
    if not relative.endswith(TEMPLATE):
        return relative, Role.PLAIN
    if relative.rpartition("/")[2].startswith(INCLUDED):
        return relative, Role.INCLUDED
    return relative.removesuffix(TEMPLATE), Role.TEMPLATE


def _refusal(relative: str, entry: Entry) -> str:
    """Why a file cannot be part of any tree; empty when it can."""
    kind = entry.mode & _KIND
    if kind != _REGULAR:
        what = _OTHER_KINDS.get(kind, f"of mode {entry.mode:o}")
        return f"is {what}, which could lead outside the tree; put a plain file there"
    return _bad_name(relative)


def _bad_name(path: str) -> str:
    parts = path.split("/")
    if not {"", ".", "..", ".git"}.isdisjoint(parts):
        return f"{path!r} is no path within the tree; rename it"
    if not path.isprintable():
        return f"{path!r} has characters that cannot be shown; rename it"
    sizes = [len(part.encode()) for part in parts]
    if max(sizes) > NAME_BYTES or sum(sizes) + len(sizes) > PATH_BYTES:
        return f"its name is too long; at most {NAME_BYTES} bytes, with directories {PATH_BYTES}"
    return ""


def _upwards(path: str) -> Iterator[str]:
    """A path, and every directory above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _clashes(tree: Mapping[str, Placed[E]]) -> Iterable[Problem]:
    """Files where other files need a directory."""
    for path, one in tree.items():
        for above in _upwards(path.rpartition("/")[0]):
            if file := tree.get(above):
                way = f"rename one, or add {above}{ABSENT} beside the one that stays"
                sentence = f"needs a directory where {file.source} is a file; {way}"
                yield Problem(one.source, 0, sentence)
