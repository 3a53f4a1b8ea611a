"""A small repository and facts, and what a node gets of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from workers.config.core.facts import Facts, Node, Vip, ordered
from workers.config.core.render import Tree, render_node
from workers.config.core.secrets import Secrets, placeholders

FILE, EXECUTABLE, LINK, SUBMODULE = 0o100644, 0o100755, 0o120000, 0o160000
FACTS = ordered(
    cluster="demo",
    subcluster="site",
    revision=7,
    name="mta1",
    nodes=[Node("mta2", "10.0.0.2"), Node("mta1", "10.0.0.1", segment="rack1", weight=2)],
    vips=[
        Vip("2001:db8::9", "eth1"),
        Vip("198.18.0.101", "eth0", prefer=("mta1", "mta2"), binding="bulk"),
        Vip("198.18.0.9", "eth0", description="for replies"),
    ],
)


@dataclass(frozen=True)
class Stored:
    """An entry of a listing."""

    blob: str
    mode: int = FILE


def repository(
    files: Mapping[str, str | bytes], modes: Mapping[str, int] | None = None
) -> tuple[dict[str, Stored], dict[str, bytes]]:
    """A listing, and the content of each blob."""
    listing: dict[str, Stored] = {}
    blobs: dict[str, bytes] = {}
    for path, text in files.items():
        content = text.encode() if isinstance(text, str) else text
        blob = hashlib.sha256(content).hexdigest()
        listing[path] = Stored(blob, (modes or {}).get(path, FILE))
        blobs[blob] = content
    return listing, blobs


def outcome(
    files: Mapping[str, str | bytes],
    secrets: Secrets = placeholders,
    facts: Facts = FACTS,
    modes: Mapping[str, int] | None = None,
) -> Tree | list[str]:
    """The tree, or its problems as people see them."""
    listing, contents = repository(files, modes)
    found = render_node(listing, contents.__getitem__, facts, secrets)
    return found if isinstance(found, Tree) else [str(problem) for problem in found]


def tree(files: Mapping[str, str | bytes], **options: object) -> dict[str, bytes]:
    """The content of each file of the tree, of which there is one."""
    found = outcome(files, **options)  # type: ignore[arg-type]
    assert isinstance(found, Tree), found
    return {path: file.content for path, file in found.files.items()}


def problems(files: Mapping[str, str | bytes], **options: object) -> list[str]:
    """The problems, of which there are some."""
    found = outcome(files, **options)  # type: ignore[arg-type]
    assert isinstance(found, list), found
    return found


def written(template: str, **options: object) -> str:
    """What a template writes."""
    return tree({"global/a.cf.j2": template}, **options)["a.cf"].decode()


def refused(template: str | bytes, **options: object) -> str:
    """Why a template is refused, with its line."""
    (problem,) = problems({"global/a.cf.j2": template}, **options)
    assert problem.startswith("global/a.cf.j2:")
    return problem.removeprefix("global/a.cf.j2:").strip()
