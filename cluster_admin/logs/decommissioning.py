"""The end of a subscriber: out of all definitions, then its queue off the broker.

In that order nodes stop shipping before the queue goes, and whatever dies in between, doing it
again does the rest. Refused while it is there or something waits for it, unless forced.
"""

from dataclasses import dataclass

from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.inventory.admin_confirm import change_each, delete_rows
from cluster_admin.inventory.services import Change, Overridable, Refused
from cluster_admin.logs import queues
from cluster_admin.logs.models import LogSubscriber


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, or would be."""

    name: str
    changes: tuple[Change, ...]
    queue: queues.Queue | None
    """As it was before it was deleted."""

    def told(self) -> dict[str, object]:
        """As JSON has it; the diff says what becomes of the queue, too."""
        diffs = [one.diff for one in self.changes]
        if self.queue:
            diffs.append(f"--- broker\n+++ broker\n@@ -1 +0,0 @@\n-queue {self.queue.name}\n")
        return {
            "name": self.name,
            "subclusters": [one.subcluster.name for one in self.changes],
            "queue": self.queue.name if self.queue else "",
            "messages": self.queue.messages if self.queue else 0,
            "diff": "".join(diffs),
        }


def decommission(
    name: str, actor: Actor, reason: str = "", *, dry_run: bool = False, force: bool = False
) -> Outcome:
    """Take a subscriber away for good; raises `Refused`."""
    rows = LogSubscriber.objects.filter(name=name)
    with queues.opened() as broker:
        queue = broker.find(name)
        if queue is None and not rows.exists():
            way = "see them with: muster logs subscriber list"
            raise Refused(f"there is no log subscriber {name}, and no queue of it; {way}")
        if queue is not None and not force:
            _refuse_loss(name, queue)
        changes = change_each(rows, actor, reason, dry_run, delete_rows)
        if queue is not None and not dry_run:
            broker.delete(queue)
            before = {"messages": queue.messages}
            audit.record(
                actor, "delete", kind="queue", object=queue.name, reason=reason, before=before
            )
    return Outcome(name, tuple(changes), queue)


def _refuse_loss(name: str, queue: queues.Queue) -> None:
    if queue.consumers:
        way = "stop it (systemctl disable --now muster-collector on its host), or force it"
        raise Overridable(f"a collector still takes logs as {name}: {way}")
    if queue.messages:
        what = f"{queue.messages} pieces of logs wait for {name} at the broker"
        way = (
            f"remove it from the subclusters (muster logs subscriber remove {name}), let it take "
            "what waits, stop it, then repeat; or force it, and they are lost"
        )
        raise Overridable(f"{what}: {way}")
