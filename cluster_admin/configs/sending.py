"""Telling nodes what they shall have: one Celery task for each, from a thread of its own.

Fire and forget: what is lost on the way, the listener sends again to those that lag (`hearing`).
Invariant: nothing here delays or fails a commit. Tasks are not kept for long: a node that was away
tells how it stands when it is back, and gets what it lacks then.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from django.conf import settings
from django.utils import timezone

from cluster_admin.configs import deployments, orders, stands, store
from cluster_admin.configs.models import Deployment, Replica
from cluster_admin.configs.packs import Shelf, head_of
from cluster_admin.configs.soon import Soon, log
from cluster_admin.inventory.models import Node
from workers.bus.exchanges import node_queue
from workers.config.core.messages import ORDER, Order
from workers.repository.errors import RepositoryError
from workers.repository.repository import Repository

EXPIRE_SECONDS = 60
PRODUCER_SECONDS = 5
TRANSIENT, PERSISTENT = 1, 2
"""AMQP's modes of delivery: whether a message is to outlive the broker."""
ONCE_MORE = {"max_retries": 1, "interval_start": 0}
"""A broker leaves connections that were silent for minutes: the next one is tried at once."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is special about an order: a part that the node wants, or that an operator insists."""

    wants: str = ""
    offset: int = 0
    ordered: bool = False
    over_edits: bool = False


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

    Raises what the broker's client and the repository raise; `ConnectionError` without brokers.
    """
    if not settings.MUSTER_BROKERS:
        raise ConnectionError("this manager has no broker: set MUSTER_BROKER_URL")
    from cluster_admin.celery import app

    nodes = list(Node.objects.filter(name__in=asked).select_related("subcluster"))
    known = stands.of(Replica.objects.filter(node__in=asked))
    shelf, head = _shelf(), head_of(store.repository())
    if not head.number:
        return {}
    targets = deployments.targets(nodes, head)
    made: dict[str, Order] = {}
    refused: dict[str, str] = {}
    # Who lacks least is told first: a large pack takes a while to make.
    nodes.sort(key=lambda node: -known[node.name].number if node.name in known else 0)
    with app.producer_pool.acquire(block=True, timeout=PRODUCER_SECONDS) as producer:
        for node in nodes:
            one, target = asked[node.name], targets[node.name]
            ordered = target.ordered or one.ordered
            insisted = replace(target, ordered=ordered, over_edits=one.over_edits)
            try:
                part = _part(shelf, head, known.get(node.name), one)
            except RepositoryError as error:
                refused[node.name] = str(error)
            else:
                made[node.name] = orders.order(node.subcluster.name, part, insisted)
                _publish(app, producer, node.name, made[node.name])
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


def _publish(app: Any, producer: Any, node: str, one: Order) -> None:
    app.send_task(
        ORDER,
        args=[msgspec.to_builtins(one)],
        queue=node_queue(node),
        expiration=EXPIRE_SECONDS,  # by the broker's clock: a node's may be wrong
        # The broker answers for what is to be on its disk only when it is there.
        delivery_mode=PERSISTENT if one.ordered else TRANSIENT,
        producer=producer,
        retry=True,
        retry_policy=ONCE_MORE,
        ignore_result=True,
    )


def _note(made: Mapping[str, Order]) -> None:
    """Write down what was sent. Of nodes deployed by hand `wanted` is what their operator said."""
    by_hand = Deployment.objects.filter(mode=Deployment.Mode.MANUAL).values("subcluster__name")
    by_target: dict[int, list[str]] = {}
    for node, one in made.items():
        by_target.setdefault(one.target, []).append(node)
    for target, nodes in by_target.items():
        sent = Replica.objects.filter(node__in=nodes)
        sent.update(ordered_at=timezone.now())
        sent.exclude(subcluster__in=by_hand).update(wanted=target)
