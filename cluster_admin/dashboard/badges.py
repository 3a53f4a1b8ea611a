"""How states look: a word, a shape and a tone each, so that colour never tells alone."""

from dataclasses import dataclass, replace

from cluster_admin.inventory.models import Node, NodeStatus
from workers.failover.core.messages import NodeState
from workers.failover.core.standing import Cause, State


@dataclass(frozen=True, slots=True)
class Badge:
    """A state as it is shown."""

    word: str
    tone: str
    """good, warn, bad, info or muted."""
    shape: str
    """Id of a symbol in icons.svg."""
    meaning: str


UNKNOWN = Badge("unknown", "muted", "question", "the manager does not know: nothing was heard")
VERDICTS = {
    "alive": Badge("alive", "good", "check", "it is heard"),
    "suspected": Badge("suspected", "warn", "half", "others miss its heartbeats"),
    "dead": Badge("dead", "bad", "cross", "the others have declared it dead"),
    "left": Badge("left", "muted", "out", "it said goodbye and released everything"),
    "unknown": UNKNOWN,
}
STATES = {
    "joining": Badge("joining", "info", "in", "it has started and looks around"),
    "draining": Badge("draining", "info", "down", "it gives its VIPs away"),
    "stopping": Badge("stopping", "info", "out", "it is leaving the cluster"),
    "isolated": Badge("isolated", "bad", "slash", "it hears nobody and holds nothing"),
}
ADMIN = {
    "draining": Badge("draining", "info", "down", "an operator wants it to hold no VIPs"),
    "maintenance": Badge("maintenance", "info", "tool", "an operator works on it: no alarms"),
}
VIPS = {
    "owned": Badge("owned", "good", "check", "one node holds it"),
    "unowned": Badge("unowned", "bad", "ring", "nobody holds it"),
    "UNSAFE": Badge("UNSAFE", "bad", "alert", "more than one living node has it"),
    "BROKEN": Badge("BROKEN", "bad", "cross", "the nodes cannot manage it"),
    "conflict": Badge("conflict", "warn", "alert", "another node claims it too"),
    "stuck": Badge("stuck", "bad", "lock", "a host whose agent is silent answers for it"),
    "foreign": Badge("foreign", "bad", "alien", "a host outside the cluster answers for it"),
    "unknown": UNKNOWN,
}
NO_HEIR = Badge("no heir", "warn", "half", "no other enabled node is ready that could take it")
KINDS = {
    "taken": ("good", "in"),
    "adopted": ("good", "in"),
    "released": ("info", "out"),
    "lost": ("warn", "out"),
    "failed": ("bad", "cross"),
    "alive": ("good", "check"),
    "suspected": ("warn", "half"),
    "dead": ("bad", "cross"),
    "left": ("muted", "out"),
    "conflict": ("warn", "alert"),
    "stuck": ("bad", "lock"),
    "foreign": ("bad", "alien"),
    "unsafe": ("bad", "alert"),
    "safe": ("good", "check"),
    "late": ("warn", "half"),
    "health": ("warn", "half"),
    "repaired": ("warn", "tool"),
    "hook": ("info", "tool"),
    "backlog": ("warn", "alert"),
    "caught_up": ("good", "check"),
    "dropped": ("bad", "cross"),
    "missing": ("warn", "question"),
}


def of_vip(state: str, cause: str = "", note: str = "") -> Badge:
    """The badge of a VIP's state: UNSAFE is worst with two owners, owned is best with an heir."""
    badge = VIPS.get(state, UNKNOWN)
    if state == State.UNSAFE and cause not in ("", Cause.TWO_OWNERS):
        badge = replace(badge, tone="warn")
    return replace(badge, meaning=note) if note else badge


def of_kind(kind: str) -> Badge:
    """The badge of a kind of event."""
    tone, shape = KINDS.get(kind, ("muted", "dot"))
    return Badge(kind, tone, shape, "")


def of_node(node: Node, status: NodeStatus | None) -> list[Badge]:
    """Verdict, what the operator wants, what it says of itself: only what is worth a word."""
    verdict = status.verdict if status else "unknown"
    found = [VERDICTS.get(verdict, UNKNOWN)]
    wanted = ADMIN.get(node.admin_state)
    if wanted:
        found.append(wanted)
    state = status.state if status and verdict in ("alive", "suspected") else ""
    if state in STATES and state != node.admin_state:
        found.append(STATES[state])
    elif state == NodeState.READY and wanted and node.admin_state == Node.Admin.DRAINING:
        found[-1] = replace(wanted, meaning=f"{wanted.meaning}; it does not act on this yet")
    return found
