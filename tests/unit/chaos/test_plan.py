"""Rounds: what a seed means, and that everything broken is healed."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.core.dice import Dice
from chaos.core.edits import base, changed
from chaos.core.plan import BEFORE_SECONDS, IDEAS, WINDOW_SECONDS, round_of
from chaos.core.steps import Change, ChangeKind, Heal, HealAll, Inject, Layout, Round
from workers.failover.core.definitions import Definitions, Node, Topology, Vip
from workers.failover.core.definitions_text import render
from workers.lab.core.faults import Fault, FaultKind
from workers.lab.core.hosts import hosts_of, vips_of
from workers.lab.core.targets import fault_on, healed_by

SUBNET = "198.18.0.0/24"
SPARE = ("198.18.0.150", "198.18.0.151")


def layout(nodes: int = 3, brokers: int = 1) -> Layout:
    names = tuple(f"mta{i}" for i in range(1, nodes + 1))
    halls = tuple(f"broker{i}" for i in range(1, brokers + 1))
    return Layout(names, halls, vips_of(SUBNET, 6), SPARE)


def definitions(nodes: int) -> Definitions:
    return Definitions(
        cluster="lab",
        subcluster="default",
        revision=1,
        topologies=(Topology(SUBNET, "eth0", ("198.18.0.1",)),),
        nodes={f"mta{i}": Node(f"mta{i}", f"198.18.0.{10 + i}") for i in range(1, nodes + 1)},
        vips={vip: Vip(vip) for vip in vips_of(SUBNET, 6)},
    )


rounds = st.builds(
    lambda seed, number, nodes, brokers: (
        round_of(seed, number, layout(nodes, brokers)),
        nodes,
        brokers,
    ),
    st.integers(0, 10**6),
    st.integers(0, 200),
    st.integers(1, 5),
    st.sampled_from((1, 3)),
)


def carried_out(round_: Round, nodes: int, brokers: int) -> Iterator[tuple[Fault, ...]]:
    """Faults in force after each step, by the lab's own rules; it refuses what does not fit."""
    hosts = hosts_of(SUBNET, nodes, brokers)
    faults: tuple[Fault, ...] = ()
    for step in round_.steps:
        if isinstance(step.deed, Inject):
            fault = fault_on(step.deed.kind, step.deed.words, hosts)
            for other in faults:
                assert other.kind is not fault.kind or not {*other.targets} & {*fault.targets}
            if fault.kind is not FaultKind.KILL_AGENT:
                faults = (*faults, fault)
        elif isinstance(step.deed, Heal):
            ended = healed_by((step.deed.kind.value, *step.deed.hosts), faults, hosts)
            assert len(ended) == 1
            faults = tuple(fault for fault in faults if fault not in ended)
        elif isinstance(step.deed, HealAll):
            faults = ()
        yield faults


@given(rounds)
def test_every_round_is_possible_and_heals_what_it_breaks(made: tuple[Round, int, int]) -> None:
    assert list(carried_out(*made))[-1] == ()


@given(rounds)
def test_the_definitions_of_a_round_are_good_and_come_back(made: tuple[Round, int, int]) -> None:
    round_, nodes, _ = made
    now = first = base(definitions(nodes), round_)
    for step in round_.steps:
        if isinstance(step.deed, Change):
            now = changed(now, step.deed, first)
            render(now)
            assert now.nodes
    restored = changed(now, Change(ChangeKind.RESTORE), first)
    assert (restored.nodes, restored.vips, restored.knobs) == (first.nodes, first.vips, first.knobs)
    assert restored.revision == now.revision + 1


@given(rounds)
def test_steps_are_in_order_and_the_last_one_heals_all(made: tuple[Round, int, int]) -> None:
    steps = made[0].steps
    instants = [step.at for step in steps]

    assert instants == sorted(instants)
    assert min(instants) >= BEFORE_SECONDS
    assert instants[-1] == BEFORE_SECONDS + WINDOW_SECONDS
    assert isinstance(steps[-1].deed, HealAll)


@given(rounds)
def test_a_node_that_a_fault_takes_away_is_never_the_last(made: tuple[Round, int, int]) -> None:
    round_, nodes, brokers = made
    for faults in carried_out(round_, nodes, brokers):
        off = {n for f in faults if f.kind is FaultKind.POWER_LOSS for n in f.targets}
        assert len({name for name in off if name.startswith("mta")}) < nodes


def test_the_same_seed_gives_the_same_round_whatever_was_drawn_before() -> None:
    first = [round_of(11, number, layout()) for number in range(5)]

    assert [round_of(11, number, layout()) for number in reversed(range(5))] == first[::-1]
    assert len({each.steps for each in first}) == 5


def test_a_seed_means_the_same_for_ever() -> None:
    draws = Dice("chaos", 7, 2)

    assert [draws.between(0, 5) for _ in range(4)] == [0.06, 0.28, 3.07, 1.58]
    assert draws.some("abcdef", 2, 4) == ("b", "c")


def test_every_fault_and_every_change_occurs() -> None:
    made = [round_of(1, number, layout()) for number in range(200)]
    deeds = [step.deed for each in made for step in each.steps]

    assert {deed.kind for deed in deeds if isinstance(deed, Inject)} == set(FaultKind)
    changes = {deed.kind for deed in deeds if isinstance(deed, Change)}
    assert changes == set(ChangeKind) - {ChangeKind.RESTORE}
    assert max(sum(isinstance(s.deed, Inject) for s in each.steps) for each in made) >= 4


@pytest.mark.parametrize("idea", IDEAS, ids=lambda idea: idea.__name__.strip("_"))
def test_an_idea_that_does_not_fit_leaves_nothing(idea: object) -> None:
    from chaos.core.plan import Draft

    assert callable(idea)
    draft = Draft(1, 1, layout())
    for _ in range(50):
        before = list(draft.steps)
        if not idea(draft, 1.0, 3.0):
            assert draft.steps == before
