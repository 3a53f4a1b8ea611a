"""Brings revisions of the replica to life on this node, and looks how the live tree is.

Whatever goes wrong is in a report or in a look. Not for several threads at once; which revision
is to be applied, and who is told, is not here.
"""

import contextlib
import logging
from dataclasses import dataclass

from workers.config.core.applying import Live, Wish, not_begun
from workers.config.core.manifests import Drift
from workers.config.core.orders import Target
from workers.config.core.reports import DRIFT_MAX, Outcome, Report
from workers.config.discreet import Discreet
from workers.config.edited import Edit, edits
from workers.config.errors import ConfigError
from workers.config.own_tree import OwnTree, Parse
from workers.config.rendering import Renderer, RenderingError
from workers.config.replica import Replica
from workers.config.secret_files import SecretFiles
from workers.config.settings import Configuration
from workers.config.switching import Switcher

NOTHING_LIVE = Live()

log = logging.getLogger("muster")


@dataclass(frozen=True, slots=True)
class Look:
    """What is live, how people changed it, and why that cannot be told (empty: it can)."""

    live: Live = NOTHING_LIVE
    drift: tuple[Drift, ...] = ()
    trouble: str = ""


class Applier:
    """Applies on the node `node`; `parse` reads definitions."""

    def __init__(
        self,
        configuration: Configuration,
        subcluster: str,
        node: str,
        parse: Parse,
        replica: Replica,
    ) -> None:
        self._replica = replica
        self._secrets = SecretFiles(configuration.secrets)
        self._renderer = Renderer()
        self._own = OwnTree(subcluster, node, parse, self._secrets, self._renderer)
        profile = Discreet(configuration.profile, self._secrets)
        self._switcher = Switcher(configuration.directory, profile, configuration.autoupdate)
        self._look = Look()

    def warm(self) -> None:
        """Be ready to render; what stands in the way is told by whoever renders."""
        with contextlib.suppress(RenderingError):
            self._renderer.warm()

    def look(self) -> Look:
        """How the live tree is now."""
        try:
            self._look = Look(*self._switcher.live())
        except ConfigError as error:
            self._look = Look(self._look.live, self._look.drift, str(error))
        return self._look

    def edits(self) -> tuple[Edit, ...]:
        """The files that people changed, as far as they can be told, as of the last look."""
        found = self._look.drift[:DRIFT_MAX]
        return tuple(edits(self._switcher.current, found, self._secrets))

    def recover(self) -> Report | None:
        """Bring to its end what a death interrupted, if anything; what is to be told of that.

        Else what came of the last application: who died then may not have told it. Raises
        `ConfigError`.
        """
        return self._switcher.recover() or self._switcher.last_report()

    def apply(self, target: Target) -> tuple[Report, ...]:
        """Apply a revision of the replica; the last report is about it."""
        try:
            tree = self._own.render(self._replica.repository, target.revision)
            return self._switcher.apply(
                target.revision,
                tree.contents,
                private=tree.secret_files,
                ordered=target.ordered,
                backwards=target.backwards,
                over_edits=target.over_edits,
            )
        except ConfigError as error:
            return (self._refused(target, str(error)),)
        except Exception as error:
            log.exception("configuration: r%d failed unexpectedly", target.revision)
            what = f"{type(error).__name__}: {error}; this is a mistake of Muster's"
            return (self._refused(target, what),)

    def close(self) -> None:
        """End the process that renders."""
        self._renderer.close()

    def _refused(self, target: Target, why: str) -> Report:
        sentence = f"r{target.revision} was not applied: {why}"
        log.error("configuration: %s", sentence)
        wish = Wish(target.revision, "")
        return not_begun(wish, Outcome.REFUSED, sentence, self._look.live, self._look.drift)
