"""Rollouts as pages show them: phases and stages as badges, nodes in the order of their turns."""

from dataclasses import dataclass

from cluster_admin.configs.models import Replica
from cluster_admin.configs.rollout_models import Rollout
from cluster_admin.dashboard.badges import Badge
from workers.config.core import rollout_values as core
from workers.config.core.rollout_values import Phase, Stage

PHASES = {
    Phase.RUNNING: Badge("running", "info", "tool", "nodes have their turns"),
    Phase.PAUSED: Badge("paused", "warn", "half", "no further node has its turn"),
    Phase.TURNING_BACK: Badge("turning back", "bad", "out", "nodes go back to what they had"),
    Phase.DONE: Badge("done", "good", "check", "all nodes have it, but those that were away"),
    Phase.TURNED_BACK: Badge("turned back", "bad", "cross", "a node failed; all went back"),
    Phase.ABORTED: Badge("aborted", "muted", "slash", "an operator wanted all to go back"),
}
STAGES = {
    Stage.WAITING: Badge("waiting", "muted", "ring", "its turn has not come"),
    Stage.DRAINING: Badge("draining", "info", "down", "it gives its VIPs away first"),
    Stage.ORDERED: Badge("ordered", "info", "tool", "it is to have the revision now"),
    Stage.APPLIED: Badge("applied", "info", "half", "it has the revision, and is watched"),
    Stage.PASSED: Badge("passed", "good", "check", "it has the revision, and is well"),
    Stage.SKIPPED: Badge("skipped", "muted", "slash", "it was away at its turn"),
    Stage.UNTOUCHED: Badge("untouched", "muted", "ring", "it never had the revision"),
    Stage.RETURNING: Badge("going back", "warn", "out", "it is to have what it had before"),
    Stage.RETURNED: Badge("is back", "good", "check", "it has again what it had before"),
    Stage.LOST: Badge("lost", "bad", "alert", "it is not known to be back: look at it now"),
}
OPEN = (Phase.RUNNING, Phase.PAUSED)


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """A rollout, ready to be shown."""

    row: Rollout
    state: core.Rollout

    @property
    def badge(self) -> Badge:
        """Its phase."""
        return PHASES[self.state.phase]

    @property
    def percent(self) -> int:
        """How far it is."""
        return int(100 * core.progress(self.state))

    @property
    def counts(self) -> str:
        """How its nodes stand, in words."""
        found = sorted(core.counts(self.state).items())
        return ", ".join(f"{number} {STAGES[stage].word}" for stage, number in found)

    @property
    def deeds(self) -> tuple[str, ...]:
        """What an operator can do with it now."""
        if self.state.phase not in OPEN:
            return ()
        return ("pause" if self.state.phase is Phase.RUNNING else "resume", "abort")


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A node in a rollout, ready to be shown."""

    name: str
    batch: int
    """0: the canary."""
    badge: Badge
    live: int
    """What it runs, as it told last; 0: nothing."""
    note: str


def rollout_row(row: Rollout) -> RolloutRow:
    """One rollout."""
    return RolloutRow(row, row.value())


def member_rows(state: core.Rollout) -> list[MemberRow]:
    """Its nodes in the order of their turns; one query."""
    live = dict(Replica.objects.filter(node__in=state.nodes).values_list("node", "live"))
    return [
        MemberRow(
            name,
            number,
            STAGES[state.nodes[name].stage],
            live.get(name, 0),
            state.nodes[name].sentence or state.nodes[name].trouble,
        )
        for number, batch in enumerate(state.batches)
        for name in batch
    ]
