"""What a node gets: its tree, rendered; one function for the manager's checks and for the nodes.

The manager passes `placeholders` for secrets and keeps nothing of the result but its problems; a
node passes its own. Files that are no templates pass byte for byte.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from workers.config.core.facts import Facts
from workers.config.core.overlay import E, Layers, Placed, Role
from workers.config.core.problems import Problem
from workers.config.core.sandbox import SOURCE_BYTES
from workers.config.core.secrets import Secrets, Span, conceal, fill, placeholders
from workers.config.core.templates import OUTPUT_BYTES, InProcess, Output, Source

TREE_BYTES = 64 * 1024 * 1024
"""Of all files of a node together, rendered or not."""
TEMPLATES_BYTES = 8 * 1024 * 1024
"""Of all templates of a node together: they are in memory at once."""

Read = Callable[[str], bytes]
"""The content of a blob that the listing names."""
Engine = Callable[[Facts, Mapping[str, Source], frozenset[str]], Mapping[str, Output | Problem]]
"""Renders templates by name, and checks those that are only included; it may leave out the rest
after a problem. See `InProcess` and `workers.config.rendering`."""


@dataclass(frozen=True, slots=True)
class File:
    """A file as the node gets it. `source`: the path in the repository that it comes from."""

    content: bytes = field(repr=False)
    executable: bool
    source: str
    secrets: tuple[Span, ...] = ()

    @property
    def shown(self) -> bytes:
        """The content as people, logs and diffs may see it."""
        return conceal(self.content, self.secrets)


@dataclass(frozen=True)
class Tree:
    """The files of a node by relative path."""

    files: Mapping[str, File]

    @cached_property
    def contents(self) -> dict[str, tuple[bytes, bool]]:
        """Path -> (content, whether it is executable), secrets and all: what is applied."""
        return {path: (file.content, file.executable) for path, file in self.files.items()}

    @cached_property
    def secret_files(self) -> frozenset[str]:
        """Paths of the files that hold secrets: others than their service must not read them."""
        return frozenset(path for path, file in self.files.items() if file.secrets)


def render_node(
    listing: Mapping[str, E] | Layers[E],
    read: Read,
    facts: Facts,
    secrets: Secrets = placeholders,
    engine: Engine | None = None,
) -> Tree | list[Problem]:
    """The tree of `facts.node`, or every problem that is known of it.

    `listing`: each path of the repository -> its entry, such as `Repository.tree` gives, with
    `Repository.content` as `read`; as `Layers` it serves many nodes. Raises only what `read`,
    `secrets` and `engine` raise. Without an `engine` nothing bounds the time that a template takes.
    """
    layers = listing if isinstance(listing, Layers) else Layers(listing)
    placed = layers.tree(facts.subcluster, facts.node.name)
    if isinstance(placed, list):
        return placed
    sources, problems = _sources(placed, read)
    if problems:
        return problems
    included = frozenset(path for path, one in placed.items() if one.role is Role.INCLUDED)
    outputs = (engine or InProcess())(facts, sources, included)
    problems = [one for one in outputs.values() if isinstance(one, Problem)]
    return list(dict.fromkeys(problems)) or _assembled(placed, read, outputs, secrets)


def too_big(path: str) -> Problem:
    """What is said of the file with which a tree grows above its bound."""
    sentence = f"the tree of this node grows above {TREE_BYTES >> 20} MiB here; divide it"
    return Problem(path, 0, sentence)


def _name(target: str, one: Placed[E]) -> str:
    """What a template is called where it is included."""
    return target if one.role is Role.INCLUDED else f"{target}.j2"


def _sources(
    placed: Mapping[str, Placed[E]], read: Read
) -> tuple[dict[str, Source], list[Problem]]:
    sources: dict[str, Source] = {}
    problems: list[Problem] = []
    size = 0
    for target, one in placed.items():
        if one.role is Role.PLAIN:
            continue
        source = Source(one.source, one.entry.blob, read(one.entry.blob))
        if len(source.content) > SOURCE_BYTES:
            sentence = f"is too long; a template has at most {SOURCE_BYTES >> 20} MiB"
            problems.append(Problem(one.source, 0, sentence))
        sources[_name(target, one)] = source
        size += len(source.content)
        if size > TEMPLATES_BYTES:
            limit = f"{TEMPLATES_BYTES >> 20} MiB"
            sentence = f"the templates of this node grow above {limit} here; make some plain files"
            return {}, [Problem(one.source, 0, sentence)]
    return sources, problems


def _assembled(
    placed: Mapping[str, Placed[E]],
    read: Read,
    outputs: Mapping[str, Output | Problem],
    secrets: Secrets,
) -> Tree | list[Problem]:
    files: dict[str, File] = {}
    problems: list[Problem] = []
    size = 0
    for target, one in placed.items():
        if one.role is Role.INCLUDED:
            continue
        output = outputs[_name(target, one)] if one.role is Role.TEMPLATE else None
        file = _filled(one, output, secrets) if isinstance(output, Output) else _plain(one, read)
        if isinstance(file, list):
            problems += file
            continue
        files[target] = file
        size += len(file.content)
        if size > TREE_BYTES:
            return [too_big(one.source)]
    return problems or Tree(files)


def _plain(one: Placed[E], read: Read) -> File:
    return File(read(one.entry.blob), one.executable, one.source)


def _filled(one: Placed[E], output: Output, secrets: Secrets) -> File | list[Problem]:
    filled = fill(output.text, output.uses, secrets, one.source)
    if isinstance(filled, list):
        return filled
    content, spans = filled
    if len(content) > OUTPUT_BYTES:
        sentence = f"yields more than {OUTPUT_BYTES >> 20} MiB with its secrets; divide it"
        return [Problem(one.source, 0, sentence)]
    return File(content, one.executable, one.source, spans)
