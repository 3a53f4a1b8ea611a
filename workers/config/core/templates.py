"""Renders the templates of one node: Jinja2, sandboxed and strict, knowing nothing but the facts.

Invariant: for whatever template the result is an `Output` or a `Problem` with path and line, never
an exception; the same sources and facts give the same output, whatever was rendered before. What a
template includes or imports comes from the node's own tree. Bounds of time and memory are the
shell's: it raises `OutOfTime` here, and an address space that ends raises MemoryError.
"""

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import cast

import msgspec
from jinja2 import Template

from workers.config.core.facts import Facts, names_to_values
from workers.config.core.problems import Problem
from workers.config.core.sandbox import PLACE, Sandbox, Tree
from workers.config.core.secrets import Secret, name_refusal
from workers.config.core.unusable import OutOfTime, Unusable, problem_of

OUTPUT_BYTES = 10 * 1024 * 1024
"""Of one rendered file."""
_OBJECT = re.compile(r" at 0x[0-9a-f]{8,16}>")
"""How Python shows what has no text: with an address, so never twice the same."""


class Source(msgspec.Struct, frozen=True):
    """A template. `path` is of the repository; `blob` names the content."""

    path: str
    blob: str
    content: bytes

    @property
    def key(self) -> tuple[str, str]:
        """The same for what compiles to the same."""
        return self.path, self.blob


class Output(msgspec.Struct, frozen=True):
    """What a template yields, with marks for secrets. `uses`: name -> path and line of a use."""

    text: str
    uses: dict[str, tuple[str, int]] = {}


@dataclass(slots=True)
class _Uses:
    """The secrets that one rendering asked for."""

    path: str = ""
    places: dict[str, tuple[str, int]] = field(default_factory=dict)

    def secret(self, name: object = None, **place: object) -> Secret:
        if sentence := name_refusal(name):
            raise Unusable(sentence)
        match place.get(PLACE):
            case (str() as path, int() as line):
                self.places.setdefault(str(name), (path, line))
            case _:
                self.places.setdefault(str(name), (self.path, 0))
        return Secret(str(name))


class Templates:
    """The templates of one node: `sources` by the names that include uses.

    `compiled` may be shared by the templates of many nodes.
    """

    def __init__(
        self,
        facts: Facts,
        sources: Mapping[str, Source],
        compiled: dict[tuple[str, str], CodeType],
    ) -> None:
        self._sources = sources
        self._uses = _Uses()
        self._sandbox = Sandbox(Tree(sources, compiled))
        self._sandbox.globals.update(names_to_values(facts), secret=self._uses.secret)
        self.exhausted = False
        """Whether the last one ran out of time or memory."""

    def path(self, name: str) -> str:
        """Where a template is in the repository."""
        return self._sources[name].path

    def render(self, name: str) -> Output | Problem:
        """Render a template."""
        return self._outcome(name, checked_only=False)

    def check(self, name: str) -> Output | Problem:
        """Compile a template that only others render; its output is empty."""
        return self._outcome(name, checked_only=True)

    def _outcome(self, name: str, checked_only: bool) -> Output | Problem:
        self.exhausted = False
        self._uses.path, self._uses.places = self.path(name), {}
        self._sandbox.forget()
        try:
            template = self._sandbox.get_template(name)
            return Output("") if checked_only else self._run(template)
        except (Exception, OutOfTime) as error:
            self.exhausted = isinstance(error, MemoryError | OutOfTime)
            return problem_of(error, self.path(name))

    def _run(self, template: Template) -> Output:
        pieces: list[str] = []
        size = 0
        stream = cast(Generator[str], template.root_render_func(template.new_context()))
        for piece in stream:
            pieces.append(piece)
            try:
                size += len(piece.encode())
            except UnicodeEncodeError:
                stream.throw(Unusable("writes half a surrogate pair, which is no character"))
            if _OBJECT.search(piece):
                stream.throw(Unusable("writes an object of Python; write its parts"))
            if size > OUTPUT_BYTES:
                limit = f"{OUTPUT_BYTES >> 20} MiB"
                stream.throw(Unusable(f"writes more than {limit}; look for a loop without end"))
        return Output("".join(pieces), self._uses.places)


class InProcess:
    """Renders the templates of nodes here; keeps what it compiled. Time and memory have no bounds.

    For trees of tests; processes that live on use `workers.config.rendering`.
    """

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str], CodeType] = {}

    def __call__(
        self, facts: Facts, sources: Mapping[str, Source], included: frozenset[str]
    ) -> dict[str, Output | Problem]:
        """Render all of `sources`, and only check those that are `included` by others."""
        templates = Templates(facts, sources, self._compiled)
        return {
            name: templates.check(name) if name in included else templates.render(name)
            for name in sources
        }
