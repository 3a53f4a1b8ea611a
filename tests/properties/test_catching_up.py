"""Catching up: whatever is lost, doubled, reordered or restarted, each event is stored once."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_admin.events.catching_up import Advance
from cluster_admin.events.desk import Desk
from cluster_admin.events.picture import Picture
from workers.bus.codec import Codec
from workers.failover.core.reports import Ask, Events, Happening, Message, Report, Run

exactly = settings(derandomize=True, deadline=None, max_examples=100)
NODE = "mta1"
KEPT, TOLD, ANSWERED = 40, 5, 15
"""Events that the agent keeps of a run, in a message, and in an answer."""
CODEC: Codec[Message] = Codec("demo", "default", [b"0" * 32], Message)


@dataclass
class Agent:
    """A node's agent and reporter."""

    runs: dict[int, int] = field(default_factory=lambda: {1: 0})
    sequence: int = 0

    def happen(self, times: int) -> list[Events]:
        run = max(self.runs)
        first = self.runs[run] + 1
        self.runs[run] += times
        return list(self._told(run, range(first, first + times)))

    def answer(self, ask: Ask) -> list[Events]:
        first = max(ask.after + 1, self._first(ask.incarnation))
        last = min(self.runs[ask.incarnation], first + ANSWERED - 1)
        return list(self._told(ask.incarnation, range(first, last + 1)))

    def report(self) -> Report:
        self.sequence += 1
        return Report(
            node=NODE,
            sequence=self.sequence,
            started_at="",
            incarnation=max(self.runs),
            runs=tuple(Run(run, self._first(run), last) for run, last in self.runs.items()),
            state="ready",
            revision=1,
            known_revision=1,
        )

    def _first(self, run: int) -> int:
        return max(1, self.runs[run] - KEPT + 1)

    def _told(self, run: int, numbers: range) -> Iterator[Events]:
        for start in range(0, len(numbers), TOLD):
            events = tuple(Happening(n, "", "late") for n in numbers[start : start + TOLD])
            yield Events(node=NODE, incarnation=run, events=events)


@dataclass
class Manager:
    """A listener with its database; memory can be lost, rows cannot."""

    rows: list[tuple[int, int]] = field(default_factory=list)
    lost: list[tuple[int, int]] = field(default_factory=list)
    through: dict[int, int] = field(default_factory=dict)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.desk = Desk("default", CODEC, Picture(self.now))
        self.desk.known = {NODE: dict(self.through)}

    def hear(self, messages: list[Report | Events], committed: bool) -> list[Ask]:
        self.now += 0.1
        self.desk.take([(message, self.now) for message in messages])
        told = [m for m in messages if isinstance(m, Events) and self.desk.new(m)]
        runs = self.desk.gaps().get(NODE, ())
        named = {run.incarnation for run in runs} | {one.incarnation for one in told}
        advance = Advance({run: self.through.get(run, 0) for run in named})
        advance.give_up(runs)
        for one in told:
            advance.take(one.incarnation, one.events)
        if committed:
            self.through.update(advance.through)
            self.desk.known[NODE].update(advance.through)
            self.rows += [(run, one.number) for run, one in advance.taken]
            for gap in advance.lost:
                self.lost += [(gap.incarnation, n) for n in range(gap.first, gap.last + 1)]
        return self.desk.asks(self.now)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("happen"), st.integers(1, 30)),
        st.tuples(st.just("hear"), st.randoms(use_true_random=False)),
        st.tuples(st.sampled_from(["report", "agent restarts", "listener restarts"]), st.none()),
        st.tuples(st.just("rolled back"), st.none()),
    ),
    max_size=40,
)


def _play(agent: Agent, manager: Manager, plan: list[tuple[str, object]]) -> None:
    """Messages wait in a room, from which some come, in any order, once or twice, or never."""
    room: list[Report | Events] = []
    for what, how in plan:
        if what == "happen":
            room += agent.happen(int(str(how)))
        elif what == "report":
            room.append(agent.report())
        elif what == "agent restarts":
            agent.runs[max(agent.runs) + 1] = 0
        elif what == "listener restarts":
            manager.start()
            room.clear()
        else:
            heard = room
            if what == "hear":
                heard = how.choices(room, k=len(room)) if room else []  # type: ignore[attr-defined]
            room = [m for ask in manager.hear(heard, what == "hear") for m in agent.answer(ask)]


def _settle(agent: Agent, manager: Manager) -> int:
    """A time without losses; returns how many rounds it took until all was known."""
    asks: list[Ask] = []
    for rounds in range(400):
        answers = [message for ask in asks for message in agent.answer(ask)]
        asks = manager.hear([agent.report(), *answers], committed=True)
        if all(manager.through.get(run, 0) == last for run, last in agent.runs.items()):
            return rounds
    raise AssertionError((agent.runs, manager.through))


@exactly
@given(steps)
def test_after_any_faults_each_event_is_stored_once_or_named_as_lost(
    plan: list[tuple[str, object]],
) -> None:
    agent, manager = Agent(), Manager()

    _play(agent, manager, plan)
    _settle(agent, manager)

    everything = {(run, n) for run, last in agent.runs.items() for n in range(1, last + 1)}
    assert len(manager.rows) == len(set(manager.rows))
    assert set(manager.rows) | set(manager.lost) == everything
    assert set(manager.rows) & set(manager.lost) == set()


@exactly
@given(steps)
def test_only_what_the_agent_no_longer_keeps_is_named_as_lost(
    plan: list[tuple[str, object]],
) -> None:
    agent, manager = Agent(), Manager()

    _play(agent, manager, plan)
    _settle(agent, manager)

    assert all(number <= agent.runs[run] - KEPT for run, number in manager.lost)


@exactly
@given(steps)
def test_each_run_is_stored_in_order(plan: list[tuple[str, object]]) -> None:
    agent, manager = Agent(), Manager()

    _play(agent, manager, plan)

    for run in agent.runs:
        numbers = [number for row_run, number in manager.rows if row_run == run]
        assert numbers == sorted(numbers)
