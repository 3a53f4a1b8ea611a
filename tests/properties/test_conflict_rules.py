"""Managers that lose their disk, nodes that go on, operators that decide: nothing is ever lost."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_admin.configs import conflict_rules
from cluster_admin.configs.conflict_rules import Course, Known, Side, State

exactly = settings(derandomize=True, deadline=None, max_examples=300)
NODES = ("a", "b", "c")
History = tuple[int, ...]
"""Commits, the first revision first; no two lines have the same commit."""


@dataclass
class World:
    """A manager and its nodes, as git has them: lines of commits, and those kept beside."""

    main: History = ()
    beside: list[History] = field(default_factory=list)
    heads: dict[str, History] = field(default_factory=lambda: dict.fromkeys(NODES, ()))
    aside: dict[str, list[History]] = field(default_factory=lambda: {n: [] for n in NODES})
    known: dict[str, Known | None] = field(default_factory=lambda: dict.fromkeys(NODES))
    fetched: set[History] = field(default_factory=set)
    made: int = 0

    def side(self, line: History, known: Known | None) -> Side:
        lost = {one for kept in self.beside for one in kept}
        return conflict_rules.side(
            name(line),
            ours=line == self.main[: len(line)],
            aside=bool(line) and line[-1] in lost,
            known=known,
        )

    @property
    def refuses(self) -> bool:
        return any(one is not None and one.state is State.OPEN for one in self.known.values())

    # What happens.

    def commit(self) -> None:
        """By the manager; its nodes get it when they are told."""
        if not self.refuses:
            self.made += 1
            self.main = (*self.main, self.made)

    def lose_disk(self, back: int) -> None:
        """The manager's disk is an older one."""
        self.main = self.main[: max(0, len(self.main) - back)]

    def commit_elsewhere(self, node: str) -> None:
        """By another manager, which a node follows."""
        self.made += 1
        self.heads[node] = (*self.heads[node], self.made)

    def tell(self, node: str) -> None:
        """How a node stands; and what it is told then, taken in at once."""
        line = self.heads[node]
        side = self.side(line, self.known[node])
        self.known[node] = conflict_rules.after(self.known[node], name(line), side)
        if side is Side.FOREIGN:
            stands = [Known(name(line), state) for state in (State.OPEN, State.PASSED)]
            assert self.known[node] in stands
        side = self.side(line, self.known[node])
        match conflict_rules.course(side, able=True, is_here=line in self.fetched):
            case Course.FOLLOW:
                assert line == self.main[: len(line)]
                self.heads[node] = self.main
            case Course.ASK:
                self.fetched.add(line)
            case Course.RESET:
                if self.main:
                    self.aside[node].append(line)
                    self.heads[node] = self.main
            case Course.LEAVE:
                assert side is Side.FOREIGN

    # What operators decide.

    def master(self, node: str) -> None:
        line, known = self.heads[node], self.known[node]
        if known is None or known.commit != name(line) or line not in self.fetched:
            return
        if self.main != line[: len(self.main)]:
            self.beside.append(self.main)
        self.main = line
        self.settle()

    def override(self, node: str) -> None:
        line, known = self.heads[node], self.known[node]
        if known is None or known.commit != name(line) or not self.main:
            return
        if line in self.fetched:
            self.beside.append(line)
        self.known[node] = Known(known.commit, State.OVERRIDDEN)
        self.settle()

    def settle(self) -> None:
        for node, known in self.known.items():
            if known is not None and known.commit == name(self.heads[node]):
                side = self.side(self.heads[node], known)
                self.known[node] = conflict_rules.decided(known, side)

    def resume(self) -> None:
        for node, known in self.known.items():
            if known is not None and known.state is State.OPEN:
                differs = known.commit == name(self.heads[node])
                self.known[node] = Known(known.commit, State.PASSED) if differs else None

    def everything(self) -> set[int]:
        """Every commit that somebody has for good; what the manager fetched may go again."""
        lines = [self.main, *self.beside, *self.heads.values()]
        lines += [line for kept in self.aside.values() for line in kept]
        return {commit for line in lines for commit in line}


def decide_all(world: World) -> None:
    """Decide about everything: for one node, then against all others."""
    tell_all(world)
    if world.refuses:
        chosen = next(n for n, k in world.known.items() if k and k.state is State.OPEN)
        world.master(chosen)
    for node in NODES:
        world.tell(node)
        world.override(node)
    tell_all(world)


def tell_all(world: World) -> None:
    for node in NODES * 3:
        world.tell(node)


def name(line: History) -> str:
    return str(line[-1]) if line else ""


STEPS = st.lists(
    st.one_of(
        st.just(("commit",)),
        st.tuples(st.just("lose_disk"), st.integers(1, 4)),
        *(
            st.tuples(st.just(step), st.sampled_from(NODES))
            for step in ("tell", "commit_elsewhere", "tell", "master", "override")
        ),
        st.just(("resume",)),
    ),
    max_size=40,
)


@exactly
@given(STEPS)
def test_what_nodes_have_is_never_lost_and_a_decision_ends_it(
    steps: list[tuple[str, ...]],
) -> None:
    world = World()
    held: set[int] = set()
    for step in steps:
        getattr(world, step[0])(*step[1:])
        # What a node ever had is somewhere: at a node, in main, or kept beside either.
        held |= {commit for line in world.heads.values() for commit in line}
        assert held <= world.everything()
    decide_all(world)
    world.resume()
    assert not world.refuses
    if world.main:
        assert set(world.heads.values()) == {world.main}
    assert held <= world.everything()


@exactly
@given(STEPS)
def test_no_node_that_nobody_decided_about_is_reset(steps: list[tuple[str, ...]]) -> None:
    world = World()
    decided = False
    for step in steps:
        before = {node: world.heads[node] for node in NODES}
        getattr(world, step[0])(*step[1:])
        decided |= step[0] in ("master", "override")
        if not decided:
            for node in NODES:
                assert world.heads[node][: len(before[node])] == before[node]
