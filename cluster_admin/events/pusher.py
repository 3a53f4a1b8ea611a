"""Hands definitions again to nodes that lag, in a thread of its own: listening never waits."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import connections

from cluster_admin.events.pushes import Pushes
from cluster_admin.inventory import push
from cluster_admin.inventory.models import Subcluster

LOOK_SECONDS = 1.0


class Pusher:
    """Decides by `Pushes`; one round of pushing at a time. `say` gets one line a round."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._pushes: dict[str, Pushes] = {}
        self._thread = ThreadPoolExecutor(1, "push-again")
        self._round: Future[None] | None = None
        self._looked_at = float("-inf")

    def push(self, lagging: Mapping[str, set[str]], now: float) -> None:
        """Push to those of the `lagging` nodes, by subcluster, that are due; returns at once."""
        if now - self._looked_at < LOOK_SECONDS or (self._round and not self._round.done()):
            return
        self._looked_at = now
        self._pushes = {name: self._pushes.get(name, Pushes()) for name in lagging}
        due = {name: self._pushes[name].due(nodes, now) for name, nodes in lagging.items()}
        due = {name: nodes for name, nodes in due.items() if nodes}
        if due:
            self._round = self._thread.submit(self._push, due)

    def _push(self, due: Mapping[str, list[str]]) -> None:
        for name, nodes in due.items():
            shown = f"{name}: definitions again to {', '.join(nodes)}"
            try:
                push.push(Subcluster.objects.get(name=name), nodes)
                self._say(shown)
            except (
                Exception
            ) as error:  # a broker's client raises many kinds; the next round tries again
                self._say(f"{shown}: {error or type(error).__name__}")
            finally:
                connections.close_all()
