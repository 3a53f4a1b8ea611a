"""What nodes tell about their configuration, as rows: the newest word of each, every application.

Runs in the caller's transaction. Invariants: a message that comes twice or late changes nothing;
what a node can make grow is bounded; texts are cut to what the database holds.
"""

from datetime import datetime
from typing import Any

import msgspec

from cluster_admin.configs import conflicts, stands, wishes
from cluster_admin.configs.models import HASH_LENGTH, SENTENCE_LENGTH, Application, Edit, Replica
from cluster_admin.configs.orders import Stand, is_newer
from cluster_admin.events.storing import clean
from workers.config.core.messages import Applied, Edited, Message, Standing
from workers.config.core.reports import OUTPUT_BYTES

EDITS_MAX = 200
"""Files of one node that are kept here; further ones are told as drift alone."""
PATH_LENGTH = 1024


def keep(subcluster: str, told: Message, at: datetime) -> bool:
    """Note what a node told; whether this is its first word in a run of its worker.

    Bytes of histories are no rows: `conflict_fetching` has them.
    """
    if isinstance(told, Standing):
        return stood(subcluster, told, at)
    if isinstance(told, Applied):
        applied(subcluster, told, at)
    elif isinstance(told, Edited):
        edited(subcluster, told, at)
    return False


def stood(subcluster: str, told: Standing, at: datetime) -> bool:
    """Note how a node stands; whether this is its first word in a run of its worker."""
    row = Replica.objects.filter(node=told.node).first()
    known = stands.stand(row) if row and row.heard_at else None
    new = Stand(told.started_at, told.sequence, at, told.number, told.commit, told.target)
    if not is_newer(new, known):
        return False
    drift = [{"path": clean(one.path, PATH_LENGTH), "kind": one.kind.value} for one in told.drift]
    values: dict[str, Any] = {
        "subcluster": subcluster,
        "started_at": told.started_at,
        "sequence": told.sequence,
        "number": told.number,
        "commit": told.commit,
        "heard_at": at,
        "live": told.live,
        "live_hash": clean(told.live_hash, HASH_LENGTH),
        "target": told.target,
        "known_wish": told.wish,
        "refused": min(told.refused, 2**31 - 1),
        "busy": told.busy,
        "drift": drift,
        "drift_count": min(told.drift_count, 2**31 - 1),
        "autoupdate": told.autoupdate.value,
        "trouble": clean(told.trouble),
        "histories": told.histories,
        "repaired": clean(told.repaired),
    }
    if row and row.subcluster != subcluster:
        values |= {"wanted": 0, "wish": 0}  # what it was asked for elsewhere
    if row:  # only these columns: whoever sends orders writes the others
        Replica.objects.filter(pk=row.pk).update(**values)
    else:
        Replica.objects.create(node=told.node, **values)
    _forget_edits(told)
    conflicts.note(told.node, subcluster, told.number, told.commit, at)
    return known is None or known.started_at != told.started_at


def applied(subcluster: str, told: Applied, at: datetime) -> None:
    """Note an application, once."""
    report = told.report
    values: dict[str, Any] = {
        "subcluster": subcluster,
        "at": at,
        "revision": report.revision,
        "outcome": report.outcome.value,
        "step": report.step.value if report.step else "",
        "sentence": clean(report.sentence, SENTENCE_LENGTH),
        "output": clean(report.output, OUTPUT_BYTES),
        "seconds": msgspec.to_builtins(report.seconds),
        "live": report.live_revision,
        "resumed": report.resumed,
        "key": report.key,
    }
    name = {"node": told.node, "started_at": told.started_at, "sequence": told.sequence}
    again = {"node": told.node, "key": report.key, "outcome": report.outcome.value}
    if report.key and Application.objects.filter(**again).exists():
        return  # told once more by the next run, which does not know what was heard
    _, is_new = Application.objects.get_or_create(**name, defaults=values)
    if is_new:
        wishes.ended(told.node, report.revision, report.outcome)


def edited(subcluster: str, told: Edited, at: datetime) -> None:
    """Note a file that somebody edited on a node."""
    if clean(told.path, PATH_LENGTH) != told.path:
        return
    others = Edit.objects.filter(node=told.node).exclude(path=told.path)
    if others.count() >= EDITS_MAX:
        return
    values = {
        "subcluster": subcluster,
        "content": told.content,
        "executable": told.executable,
        "live": told.live,
        "at": at,
    }
    Edit.objects.update_or_create(node=told.node, path=told.path, defaults=values)


def _forget_edits(told: Standing) -> None:
    """Drop what differs no longer, if the node names everything that does."""
    if told.drift_count <= len(told.drift):
        paths = [one.path for one in told.drift]
        Edit.objects.filter(node=told.node).exclude(path__in=paths).delete()
