"""The tree of this node at a revision of its replica, rendered with its own secrets.

What a template sees comes from `SUBCLUSTER/definitions.toml` of the same revision, as on the
manager; so a revision that the manager took fails here only for what is the node's own.
"""

from collections.abc import Callable
from dataclasses import dataclass

from workers.config.core.facts import Defined, Facts, facts_of
from workers.config.core.render import Tree
from workers.config.errors import ConfigError
from workers.config.rendering import Renderer
from workers.config.secret_files import SecretFiles
from workers.repository.core.paths import DEFINITIONS
from workers.repository.errors import RepositoryError, UnknownPathError
from workers.repository.repository import Repository

PROBLEMS_SHOWN = 3

Parse = Callable[[str], Defined]
"""Reads a definitions file; `ValueError` for one that nobody can act on."""


class NoTreeError(ConfigError):
    """A revision yields no tree for this node; one sentence."""


@dataclass(frozen=True, slots=True)
class OwnTree:
    """Renders for one node. Not for several threads at once."""

    subcluster: str
    node: str
    parse: Parse
    secrets: SecretFiles
    renderer: Renderer

    def render(self, repository: Repository, revision: int) -> Tree:
        """The tree; raises `NoTreeError`, or another `ConfigError`."""
        try:
            # By its commit: a replica may take up another history meanwhile.
            commit = repository.revision(revision).hash
            facts = self._facts(repository, revision, commit)
            listing = repository.tree(commit)
            tree = self.renderer.render(listing, repository.content, facts, self.secrets)
        except RepositoryError as error:
            raise NoTreeError(str(error)) from error
        if isinstance(tree, Tree):
            return tree
        shown = "; ".join(map(str, tree[:PROBLEMS_SHOWN]))
        more = len(tree) - PROBLEMS_SHOWN
        raise NoTreeError(shown + (f"; and {more} more" if more > 0 else ""))

    def _facts(self, repository: Repository, revision: int, commit: str) -> Facts:
        path = f"{self.subcluster}/{DEFINITIONS}"
        try:
            definitions = self.parse(repository.read(commit, path).decode())
            return facts_of(definitions, revision, self.node)
        except UnknownPathError:
            way = "commit the definitions of the subcluster"
            raise NoTreeError(f"there is no {path} in r{revision}; {way}") from None
        except KeyError:
            way = "define it, or take it out of the cluster"
            raise NoTreeError(f"{path} of r{revision} has no node {self.node}; {way}") from None
        except ValueError as error:
            raise NoTreeError(f"{path} of r{revision} cannot be read: {error}") from None
