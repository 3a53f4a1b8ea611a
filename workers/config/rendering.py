"""Renders nodes' trees within bounds of time and memory; what `render_node` decides, safely.

A revision is rendered for many nodes with one process (`bounded_templates`), and what they share is
read once. What cannot be blamed on a template is a `RenderingError`. Not for several threads at
once, nor across a fork.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType

from workers.config.bounded_templates import BoundedTemplates
from workers.config.core.facts import Facts
from workers.config.core.overlay import E, Layers
from workers.config.core.problems import Problem
from workers.config.core.render import TREE_BYTES, Read, Tree, render_node
from workers.config.core.secrets import Secrets, placeholders
from workers.config.template_process import RenderingError

__all__ = ["Renderer", "RenderingError"]

REMEMBERED_BYTES = TREE_BYTES
"""Of contents that many nodes share."""


class Renderer:
    """Renders trees; close it, or use it in a `with`. `templates`: other bounds than the usual."""

    def __init__(self, templates: BoundedTemplates | None = None) -> None:
        self._templates = templates or BoundedTemplates()

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def warm(self) -> None:
        """Start the process, which takes a third of a second beside us; `RenderingError`."""
        self._templates.warm()

    def close(self) -> None:
        """End the process; the next rendering starts another."""
        self._templates.close()

    def render(
        self,
        listing: Mapping[str, E],
        read: Read,
        facts: Facts,
        secrets: Secrets = placeholders,
    ) -> Tree | list[Problem]:
        """The tree of one node, or its problems; raises `RenderingError`."""
        ((_, outcome),) = self.render_all(listing, read, [facts], secrets)
        return outcome

    def render_all(
        self,
        listing: Mapping[str, E],
        read: Read,
        nodes: Iterable[Facts],
        secrets: Secrets = placeholders,
    ) -> Iterator[tuple[Facts, Tree | list[Problem]]]:
        """Each node's tree or problems, one after another; raises `RenderingError`.

        One tree is made at a time: whoever keeps them all keeps up to 64 MiB a node.
        """
        self._templates.begin()
        remembered, layers = _remembered(read), Layers(listing)
        for facts in nodes:
            yield facts, render_node(layers, remembered, facts, secrets, self._templates)


def _remembered(read: Read) -> Read:
    """The same; what it gave once it gives again without reading, within bounds."""
    contents: dict[str, bytes] = {}
    size = 0

    def remembered(blob: str) -> bytes:
        nonlocal size
        content = contents.get(blob)
        if content is None:
            content = read(blob)
            if size + len(content) <= REMEMBERED_BYTES:
                contents[blob] = content
                size += len(content)
        return content

    return remembered
