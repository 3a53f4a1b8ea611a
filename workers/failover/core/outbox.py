"""What one decision produced: actions in order for the shell, facts for people."""

from dataclasses import dataclass, field

from workers.failover.core.actions import Action, Fact, FactKind, Reason


@dataclass(slots=True)
class Outbox:
    """Filled by the parts of the machine while it decides; emptied by `flush`."""

    actions: list[Action] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)

    def act(self, action: Action) -> None:
        """Have `action` performed after those before it."""
        self.actions.append(action)

    def tell(
        self,
        kind: FactKind,
        reason: Reason = Reason.NONE,
        *,
        vip: str = "",
        node: str = "",
        epoch: int = 0,
        detail: str = "",
        view: str = "",
        gap: float | None = None,
    ) -> None:
        """Record that something happened."""
        self.facts.append(Fact(kind, vip, node, reason, epoch, detail, view, gap))

    def flush(self) -> tuple[list[Action], list[Fact]]:
        """Hand over and forget everything collected."""
        actions, facts = self.actions, self.facts
        self.actions, self.facts = [], []
        return actions, facts
