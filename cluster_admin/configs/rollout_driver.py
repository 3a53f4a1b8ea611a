"""Drives rollouts: looks, lets the core decide, stores what it decided, does what follows.

Lives beside the listener: without that one nothing is known of nodes anyway. Invariants: nothing is
remembered here, so a driver that was killed goes on from the rows; what is asked of others
(draining) is asked after the state is stored, and again until it is seen. With two managers a lock
in the database lets one at a time have its turn.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from django.db import Error, connections, transaction
from django.utils import timezone

from cluster_admin.audit.actor import Actor
from cluster_admin.configs import rollout_keeping, rollout_looking
from cluster_admin.configs.rollout_models import Rollout
from cluster_admin.events.locks import only_one
from cluster_admin.inventory.models import Node
from cluster_admin.inventory.refusals import Refused
from cluster_admin.inventory.services import set_admin_state
from workers.config.core.rollout_values import Action, Drain, Undrain
from workers.config.core.rollouts import decide

TICK_SECONDS = 0.3
"""Between looks; whether a rollout is under way at all is one small question."""
RETRY_SECONDS = 1.0
"""After the database refused, or something else went wrong."""
WORK = "configs.rollouts"


class Driver:
    """Runs until it is told to stop. `say` gets one line for each trouble."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._stopping = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "rollouts")
        self._trouble = ""

    def stop(self) -> None:
        """End at once; a turn that is under way is finished or taken back."""
        self._stopping.set()

    async def run(self) -> None:
        """Drive until `stop`."""
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            pause = await loop.run_in_executor(self._thread, self._turn)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    def _turn(self) -> float:
        """Drive once; after how many seconds again."""
        try:
            refused = drive(timezone.now())
        except Exception as error:  # databases, git, disks: each raises many kinds
            connections.close_all()
            self._tell(f"rollouts: {str(error).strip() or type(error).__name__}")
            return RETRY_SECONDS
        self._tell("; ".join(refused))
        return TICK_SECONDS

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            self._say(trouble)
        self._trouble = trouble


def drive(now: datetime, *, deaf: bool | None = None) -> list[str]:
    """Give every rollout that is under way a turn; what went wrong, as sentences.

    Raises what the database raises. `deaf`: whether nothing is heard of nodes; None asks how fresh
    the listener is.
    """
    refused: list[str] = []
    for pk in list(Rollout.objects.filter(ended_at=None).values_list("pk", flat=True)):
        try:
            with only_one(WORK) as ours:
                if ours:
                    refused += _drive(pk, now, deaf)
        except Error:
            raise
        except Exception as error:  # one that cannot be driven keeps no other from its turn
            refused.append(f"rollout {pk} cannot be driven: {str(error) or type(error).__name__}")
    return refused


def _drive(pk: int, now: datetime, deaf: bool | None) -> list[str]:
    with transaction.atomic():
        row = Rollout.objects.select_for_update().filter(pk=pk, ended_at=None).first()
        if row is None:
            return []
        state = row.value()
        floor = min((node.mark for node in state.nodes.values()), default=0)
        decision = decide(
            state, rollout_looking.look(row, floor, deaf=deaf, now=now), now.timestamp()
        )
        rollout_keeping.keep(row, state, decision, now)
    return list(_done(row, decision.actions))


def _done(row: Rollout, actions: Iterable[Action]) -> Iterable[str]:
    """Drain and undrain nodes, as whoever started the rollout would; what was refused."""
    actor = Actor(row.started_by)
    for action in actions:
        if not isinstance(action, Drain | Undrain):
            continue
        node = Node.objects.filter(name=action.node).select_related("subcluster").first()
        if node is None:
            continue
        drains = isinstance(action, Drain)
        state = Node.Admin.DRAINING if drains else Node.Admin.ENABLED
        try:
            set_admin_state(node, state, actor, f"{row}: {node.name}'s turn")
        except Refused as error:
            verb = "drained" if drains else "undrained"
            yield f"{row}: {node.name} is not {verb}: {error.sentence}"


def make(
    _cluster: str, _brokers: Sequence[str], _keys: Sequence[bytes], say: Callable[[str], None]
) -> Driver:
    """As `events.companions` has it."""
    return Driver(say)
