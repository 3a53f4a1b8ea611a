"""Telling nodes what they shall have: one Celery task for each, from a thread of its own.

Fire and forget: what is lost on the way, the listener sends again to those that lag (`hearing`).
Invariant: nothing here delays or fails a commit. Tasks are not kept for long: a node that was away
tells how it stands when it is back, and gets what it lacks then.
"""

import threading
from collections.abc import Mapping

import msgspec
from django.conf import settings
from django.utils import timezone

from cluster_admin.configs import deployments, orders, stands, store
from cluster_admin.configs.conflict_orders import Astray
from cluster_admin.configs.models import Deployment, Replica
from cluster_admin.configs.orders import Asked
from cluster_admin.configs.packs import Shelf, head_of
from cluster_admin.configs.soon import Soon, log
from cluster_admin.inventory import node_tasks
from cluster_admin.inventory.models import Node
from cluster_admin.inventory.node_tasks import PERSISTENT, TRANSIENT
from workers.config.core.messages import ORDER, Order
from workers.repository.errors import RepositoryError
from workers.repository.repository import Repository


class Sender:
    """Sends orders from one thread; those of the same node that wait become one."""

    def __init__(self) -> None:
        self._soon = Soon("sending orders", self._work)
        self._lock = threading.Lock()
        self._waiting: dict[str, Asked] = {}
        self._everybody = False
        self._refused: dict[str, str] = {}

    def everybody(self) -> None:
        """Send every node its order."""
        with self._lock:
            self._everybody = True
        self._soon()

    def some(self, asked: Mapping[str, Asked]) -> None:
        """Send these nodes an order each, by name."""
        with self._lock:
            self._waiting.update(asked)
        self._soon()

    def _work(self) -> None:
        with self._lock:
            asked, self._waiting = self._waiting, {}
            everybody, self._everybody = self._everybody, False
        if everybody:
            asked = dict.fromkeys(Node.objects.values_list("name", flat=True), Asked()) | asked
        refused = send(asked)
        for node in asked:
            why = refused.get(node, "")
            if why and why != self._refused.get(node):
                log.warning("%s gets no order: %s", node, why)
            self._refused[node] = why


__all__ = ["Asked", "announce", "order", "send"]
_sender = Sender()
_shelves: dict[Repository, Shelf] = {}
_lock = threading.Lock()


def announce(_number: int = 0) -> None:
    """Tell every node of the newest revision; returns at once, does nothing without brokers."""
    if settings.MUSTER_BROKERS:
        _sender.everybody()


def order(asked: Mapping[str, Asked]) -> None:
    """Tell some nodes, by name; returns at once, does nothing without brokers."""
    if asked and settings.MUSTER_BROKERS:
        _sender.some(asked)


def send(asked: Mapping[str, Asked]) -> dict[str, str]:
    """Send an order to each of these nodes, by name; those that none was made for, and why.

    Raises what `node_tasks`, the broker's client and the repository raise.
    """
    nodes = list(Node.objects.filter(name__in=asked).select_related("subcluster"))
    rows = list(Replica.objects.filter(node__in=asked))
    known, astray = stands.of(rows), Astray(rows)
    shelf, head = _shelf(), head_of(store.repository())
    targets = deployments.targets(nodes, head)
    made: dict[str, Order] = {}
    refused: dict[str, str] = {}
    # Who lacks least is told first: a large pack takes a while to make.
    nodes.sort(key=lambda node: -known[node.name].number if node.name in known else 0)
    with node_tasks.opened() as post:
        for node in nodes:
            one, target = asked[node.name], targets[node.name]
            try:
                sent = astray.order(node.name, head, target, shelf, one)
                if sent is None and head.number:
                    part = _part(shelf, head, known.get(node.name), one)
                    sent = orders.order(node.subcluster.name, part, target)
            except RepositoryError as error:
                refused[node.name] = str(error)
                continue
            if sent is not None:
                mode = PERSISTENT if sent.ordered else TRANSIENT
                post.send(node.name, ORDER, [msgspec.to_builtins(sent)], mode)
                made[node.name] = sent
    _note(made)
    return refused


def _part(shelf: Shelf, head: orders.Head, stand: orders.Stand | None, asked: Asked) -> orders.Part:
    """The bytes that help this node; none for one that has to ask.

    Those are nodes that were not heard lately, and those that lack more than one part: they fetch
    all of it from the listener, which keeps what was begun, and nobody else waits for it.
    """
    nothing = orders.Part("", head)
    if stand is None or not orders.is_up(stand, timezone.now()):
        return nothing
    if asked.wants:
        return shelf.part(stand.commit, asked.wants, asked.offset)
    part = shelf.part(stand.commit) if stand.commit else nothing
    return part if part.size == len(part.data) else nothing


def _shelf() -> Shelf:
    """The packs of this process."""
    repository = store.repository()
    with _lock:
        if repository not in _shelves:
            _shelves.clear()
            _shelves[repository] = Shelf(repository)
        return _shelves[repository]


def _note(made: Mapping[str, Order]) -> None:
    """Write down what was sent. Of nodes deployed by hand `wanted` is what their operator said."""
    by_hand = Deployment.objects.filter(mode=Deployment.Mode.MANUAL).values("subcluster__name")
    by_target: dict[int, list[str]] = {}
    for node, one in made.items():
        if one.target:
            by_target.setdefault(one.target, []).append(node)
    for target, nodes in by_target.items():
        sent = Replica.objects.filter(node__in=nodes)
        sent.update(ordered_at=timezone.now())
        sent.exclude(subcluster__in=by_hand).update(wanted=target)
