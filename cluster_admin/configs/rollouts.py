"""What operators say about rollouts: start one, look first, pause, resume, abort.

Each is written down with its audit record in one transaction; `rollout_driver` does the rest. Only
a subcluster that is deployed by hand has rollouts: one that follows has each commit at once.
Everything here raises `Refused` with the way out, and changes nothing then.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from cluster_admin.audit.actor import Actor
from cluster_admin.configs import (
    deployments,
    orders,
    rollout_keeping,
    rollout_looking,
    rollout_mail,
    stands,
)
from cluster_admin.configs import store as stores
from cluster_admin.configs.models import Deployment, Replica
from cluster_admin.configs.rollout_models import Rollout
from cluster_admin.inventory.models import Node, Subcluster
from cluster_admin.inventory.refusals import Refused
from workers.config.core import rollouts as core
from workers.config.core.applying import Autoupdate
from workers.config.core.rollout_values import (
    Abort,
    Decision,
    Event,
    Fact,
    Pause,
    Phase,
    Resume,
    Settings,
)
from workers.repository.errors import UnknownRevisionError

KEPT = 500
"""Rollouts in the history; the oldest go first."""
NAMED_MAX = 5


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be rolled out, and how."""

    revision: int
    canary: int = 1
    """How many nodes go first."""
    batch: int = 1
    """How many go at once after them."""
    order: tuple[str, ...] = ()
    """Nodes that go first, in this order; the rest by name."""
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True)
class Planned:
    """What a rollout would do."""

    subcluster: str
    revision: int
    previous: int
    """The subcluster's revision now; 0: none."""
    batches: tuple[tuple[str, ...], ...]
    old: dict[str, int]
    """Node -> the revision that it would go back to; 0: none."""
    away: dict[str, str]
    """Node -> why it counts as away; it is skipped unless it comes back before its turn."""


def start(
    actor: Actor,
    subcluster: Subcluster,
    wish: Wish,
    *,
    reason: str = "",
    now: datetime | None = None,
) -> Rollout:
    """Start a rollout; nobody is ordered before the driver's next turn."""
    now = now or timezone.now()
    with transaction.atomic():
        locked = rollout_keeping.locked(subcluster.name)
        planned = plan(locked, wish, now)
        state = core.begin(
            wish.revision,
            planned.batches,
            planned.old,
            wish.settings,
            now.timestamp(),
            newest=rollout_looking.newest_report(),
        )
        row = Rollout(
            subcluster=locked.name,
            revision=wish.revision,
            previous=planned.previous,
            started_by=actor.name[:150],
            reason=reason[:500],
            started_at=now,
        )
        began = Fact(Phase.RUNNING.value, _by(actor, "started", reason))
        with _one_at_a_time():
            rollout_keeping.keep(row, state, Decision(facts=(began,)), now)
        rollout_keeping.record(actor, row, "start", reason)
        _prune()
    return row


def plan(subcluster: Subcluster, wish: Wish, now: datetime | None = None) -> Planned:
    """What `start` would do now."""
    now = now or timezone.now()
    if rollout_keeping.active(subcluster.name):
        raise Refused(f"a rollout to {subcluster.name} is under way; wait for its end, or abort it")
    pointer = deployments.pointer(subcluster.name)
    if pointer.mode != Deployment.Mode.MANUAL:
        raise Refused(
            f"subcluster {subcluster.name} follows each commit, so there is nothing to roll out; "
            f"hold it first: muster config deploy {subcluster.name} --manual"
        )
    _check_revision(wish.revision)
    rollout_mail.check(wish.settings, now)
    if pointer.revision == wish.revision:
        raise Refused(
            f"r{wish.revision} is what {subcluster.name} has; name another revision", ("revision",)
        )
    nodes = list(subcluster.node_set.select_related("status").order_by("name"))
    known = {one.node: one for one in Replica.objects.filter(node__in=[n.name for n in nodes])}
    away = {node.name: why for node in nodes if (why := _absence(node, known, now))}
    try:
        batches = core.plan(
            [node.name for node in nodes], wish.canary, wish.batch, order=wish.order, away=away
        )
    except ValueError as error:
        raise Refused(f"{subcluster.name}: {error}") from error
    _check_drain(wish, len(nodes) - len(away), batches)
    if not wish.settings.over_edits:
        _check_edits(known.values())
    old = {n.name: _old(known.get(n.name), pointer.revision, wish.revision) for n in nodes}
    return Planned(subcluster.name, wish.revision, pointer.revision, batches, old, away)


def pause(actor: Actor, row: Rollout, reason: str = "") -> Rollout:
    """Let no further node have its turn; those that had it are watched on."""
    return _say(actor, row, "pause", Pause(_by(actor, "paused", reason)), reason)


def resume(actor: Actor, row: Rollout, reason: str = "") -> Rollout:
    """Go on."""
    return _say(actor, row, "resume", Resume(), reason)


def abort(actor: Actor, row: Rollout, reason: str = "") -> Rollout:
    """Order every node that has the revision back to what it had."""
    return _say(actor, row, "abort", Abort(_by(actor, "aborted", reason)), reason)


def refuse_meddling(subcluster: str) -> None:
    """Raise `Refused` while a rollout is under way: nobody else is to say what nodes have."""
    if row := rollout_keeping.active(subcluster):
        raise Refused(f"{row} is under way; abort it first, or wait for its end")


def _say(actor: Actor, row: Rollout, action: str, event: Event, reason: str) -> Rollout:
    now = timezone.now()
    with transaction.atomic():
        row = Rollout.objects.select_for_update().get(pk=row.pk)
        state = row.value()
        if why := core.refusal(state, event):
            raise Refused(f"{row}: {why.value}")
        decision = core.decide(state, event, now.timestamp())
        rollout_keeping.record(actor, row, action, reason)
        rollout_keeping.keep(row, state, decision, now)
    return row


def _by(actor: Actor, done: str, reason: str) -> str:
    return f"{done} by {actor.name}" + (f": {reason}" if reason else "")


def _check_revision(number: int) -> None:
    try:
        stores.repository().revision(number)
    except UnknownRevisionError as error:
        raise Refused(str(error), ("revision",)) from error


def _absence(node: Node, known: dict[str, Replica], now: datetime) -> str:
    replica = known.get(node.name)
    if replica is None:
        return f"{node.name} was never heard of"
    if not orders.is_up(stands.stand(replica), now):
        return f"{node.name} has told nothing lately"
    return rollout_looking.away(node)


def _old(replica: Replica | None, pointer: int, wanted: int) -> int:
    """What a node goes back to: what it is pinned to, what its subcluster has, what it has."""
    found = (replica.wanted, pointer, replica.live) if replica else (pointer,)
    return next((number for number in found if number not in (0, wanted)), 0)


def _check_drain(wish: Wish, present: int, batches: Sequence[Sequence[str]]) -> None:
    largest = max(map(len, batches))
    if wish.settings.drain and largest >= present:
        raise Refused(
            f"draining {largest} nodes of {present} at once leaves nobody to hold their VIPs; "
            "choose a smaller canary and batch, or do not drain"
        )


def _check_edits(known: Iterable[Replica]) -> None:
    edited = sorted(
        one.node for one in known if one.drift_count and one.autoupdate == Autoupdate.IFUNCHANGED
    )
    if edited:
        more = f" and {len(edited) - NAMED_MAX} more" if len(edited) > NAMED_MAX else ""
        raise Refused(
            f"{', '.join(edited[:NAMED_MAX])}{more}: files were edited there, and autoupdate = "
            "ifunchanged; commit the edits (muster config put), or roll out over them"
        )


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise Refused("another rollout has just begun; wait for its end, or abort it") from error


def _prune() -> None:
    ended = Rollout.objects.exclude(ended_at=None)
    beyond = list(ended.values_list("pk", flat=True)[KEPT : KEPT + 100])
    Rollout.objects.filter(pk__in=beyond).delete()
