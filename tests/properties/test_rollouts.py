"""Rollouts in clusters where everything may go wrong: what never happens, and that it ends.

Every decision is made from what JSON kept of the one before; actions get lost as they do when a
manager is killed between deciding and acting.
"""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.config.rollout_world import (
    DIES,
    FAILING,
    GOOD,
    NEW,
    OLD,
    SILENT,
    FakeNode,
    World,
)
from workers.config.core.rollout_values import (
    AT_RISK,
    ENDS,
    ORDERED_TO_IT,
    Abort,
    Deploy,
    Pause,
    Phase,
    Resume,
    Settings,
    Stage,
    Stops,
    wanted,
)

MANNERS = st.sampled_from([*[GOOD] * 8, SILENT, DIES, *(one.value for one in FAILING)])
NODES = st.builds(
    FakeNode,
    manners=MANNERS,
    returns=st.sampled_from([*[GOOD] * 6, SILENT, *(one.value for one in FAILING)]),
    seconds=st.sampled_from([0.0, 1.0, 7.0, 45.0]),
    up=st.sampled_from([True, True, True, False]),
    draining=st.sampled_from([False, False, False, True]),
    held=st.integers(0, 3),
    sticky=st.sampled_from([False, False, False, True]),
    complaints=st.sampled_from([(), (), ("check tcp:25 fails",)]),
)
HAPPENINGS = st.lists(
    st.tuples(
        st.integers(0, 80),
        st.sampled_from(
            [
                *("pause", "resume", "abort", "dies", "rises", "ill", "well", "repeat", "gone"),
                *("deaf", "hears", "lost", "done", "forth", "back", "reversed"),
            ]
        ),
        st.integers(0, 5),
    ),
    max_size=12,
)
LOOKS = 4_000


@st.composite
def worlds(draw: st.DrawFn) -> World:
    names = "abcdef"[: draw(st.integers(1, 6))]
    nodes = {name: draw(NODES) for name in names}
    if not any(node.up for node in nodes.values()):
        nodes["a"].up = True
    return World(
        nodes,
        canary=draw(st.integers(1, 3)),
        batch=draw(st.integers(1, 3)),
        settings=Settings(
            pause_seconds=draw(st.sampled_from([0.0, 3.0])),
            stops=draw(st.sampled_from(Stops)),
            drain=draw(st.booleans()),
            drain_seconds=10,
            apply_seconds=15,
        ),
    )


class Watch:
    """What must hold after every event."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.canary = set(world.rollout.batches[0])
        self.ever: set[str] = set()
        """Who was ever to have the revision."""
        self.stopped = False

    def check(self) -> None:
        rollout = self.world.rollout
        ordered = {name for name in rollout.nodes if wanted(rollout, name) == NEW}
        at_risk = {name for name, node in rollout.nodes.items() if node.stage in AT_RISK}
        assert len(at_risk) <= self.world.batch_size
        assert at_risk <= set(rollout.batches[rollout.batch])
        if self.stopped:
            assert not ordered
        self.ever |= ordered
        others = {n for n in self.ever if n not in self.canary}
        passed = {
            n
            for n in self.canary
            if any(f.node == n and f.what == "passed" for f in self.world.facts)
        }
        assert not others or passed
        if rollout.failed in self.canary and rollout.failed not in passed:
            assert not others
        if rollout.phase not in (Phase.RUNNING, Phase.PAUSED, Phase.DONE):
            self.stopped = True
            assert not ordered


def _happen(world: World, what: str, number: int) -> None:
    names = sorted(world.nodes)
    name = names[number % len(names)] if names else ""
    node = world.nodes.get(name, FakeNode())
    happenings: dict[str, Callable[[], object]] = {
        "pause": lambda: world.say(Pause("somebody said so")),
        "resume": lambda: world.say(Resume()),
        "abort": lambda: world.say(Abort("somebody said so")),
        "dies": lambda: setattr(node, "up", False),
        "rises": lambda: setattr(node, "up", True),
        "ill": lambda: setattr(node, "complaints", (*node.complaints, f"ill {number}")),
        "well": lambda: setattr(node, "complaints", ()),
        "repeat": lambda: node.reports.extend(node.reports[-2:]),
        "reversed": node.reports.reverse,
        "gone": lambda: world.nodes.pop(name, None),
        "deaf": lambda: setattr(world, "deaf", True),
        "hears": lambda: setattr(world, "deaf", False),
        "lost": lambda: setattr(world, "loses_actions", True),
        "done": lambda: setattr(world, "loses_actions", False),
        "forth": lambda: setattr(world, "set_by", 10_000),
        "back": lambda: setattr(world, "set_by", -10_000),
    }
    happenings[what]()


@settings(max_examples=300, deadline=None)
@given(worlds(), HAPPENINGS)
def test_what_never_happens_never_does_and_it_ends(
    world: World, happenings: list[tuple[int, str, int]]
) -> None:
    watch = Watch(world)
    for turn in range(100):
        for when, what, number in happenings:
            if when == turn:
                _happen(world, what, number)
                watch.check()
        world.look()
        watch.check()
    world.deaf = world.loses_actions = False
    for _ in range(LOOKS):
        if world.rollout.phase in ENDS:
            break
        if world.rollout.phase is Phase.PAUSED:
            world.say(Resume())
        world.look()
        watch.check()

    _check_the_end(world)


def _check_the_end(world: World) -> None:
    rollout = world.rollout
    assert rollout.phase in ENDS
    deployed = [one for one in world.actions if isinstance(one, Deploy)]
    if rollout.phase is Phase.DONE:
        assert deployed == [Deploy(NEW)]
        assert {node.stage for node in rollout.nodes.values()} <= {Stage.PASSED, Stage.SKIPPED}
    else:
        assert deployed == []
        assert {wanted(rollout, name) for name in rollout.nodes} == {OLD}
        assert not any(node.stage in ORDERED_TO_IT for node in rollout.nodes.values())
        _check_all_are_back(world)
    assert not any(node.drained for node in rollout.nodes.values())


def _check_all_are_back(world: World) -> None:
    """Whoever is up and obeys has the old revision, now or a little later."""
    for _ in range(60):
        world.now += 1
        world.work()
    for name, node in world.nodes.items():
        if node.up and node.returns == GOOD and name in world.rollout.nodes:
            assert node.live == OLD


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_a_failing_canary_is_the_only_one_that_ever_has_it(world: World) -> None:
    first = world.rollout.batches[0][0]
    if not world.nodes[first].up:
        return
    world.nodes[first].manners = FAILING[0].value

    world.run(LOOKS)
    while world.rollout.phase is Phase.PAUSED:
        world.say(Resume())
        world.run(LOOKS)

    canary = set(world.rollout.batches[0])
    assert world.rollout.phase is Phase.TURNED_BACK
    assert all(NEW not in node.had for name, node in world.nodes.items() if name not in canary)
