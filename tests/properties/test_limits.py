"""Limits hold: never exceeded by one node, nothing charged for what is refused, both ways alike."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.replication.asking import asked
from tests.unit.replication.fake_counters import FakeCounters
from workers.replication.core.definitions import Exempt, Limit, Per, Replication, Subject
from workers.replication.core.limits import Limits
from workers.replication.core.policy_protocol import DUNNO
from workers.replication.core.stages import ATTRIBUTES

STAGES = ("RCPT", "DATA", "END-OF-MESSAGE")
addresses = st.sampled_from(("192.0.2.1", "192.0.2.130", "198.51.100.1", "2001:db8::1", "nobody"))
people = st.sampled_from(("a@x.example", "b@x.example", "c@y.example", "", "A@X.example"))


@st.composite
def some_limits(draw: st.DrawFn) -> tuple[Limit, ...]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        subject = draw(st.sampled_from((Subject.INBOUND_MESSAGES, Subject.INBOUND_RECIPIENTS)))
        fields: dict[str, Any] = {
            "per": draw(st.sampled_from(sorted(ATTRIBUTES))),
            "most": draw(st.integers(0, 4)),
            "window": draw(st.sampled_from((5.0, 20.0))),
            "prefix_v4": draw(st.sampled_from((24, 25, 32))),
            "stage": draw(st.sampled_from(("", *STAGES))),
            "test": draw(st.booleans()) and draw(st.booleans()),
            "match": draw(st.sampled_from(("", "", ".example", "192.0.2.0/25"))),
        }
        found.append(Limit(f"a{number}", subject, **fields))
    return tuple(found)


exempts = st.lists(
    st.builds(
        Exempt,
        st.just("e"),
        st.sampled_from(("", "a0")),
        st.sampled_from(("192.0.2.0/24", "x.example", "a@x.example", "*")),
        st.sampled_from((None, 1, 9)),
    ),
    max_size=2,
).map(tuple)
requests = st.builds(
    lambda address, sender, recipient, instance, stage, count: asked(
        client_address=address,
        sender=sender,
        recipient=recipient,
        instance=instance,
        protocol_state=stage,
        recipient_count=count,
    ),
    addresses,
    people,
    people,
    st.sampled_from(("", "1", "2", "3", "4")),
    st.sampled_from((*STAGES, "MAIL")),
    st.sampled_from(("0", "1", "2", "7")),
)
steps = st.lists(st.tuples(requests, st.sampled_from((0.0, 0.5, 3.0))), max_size=30)


def decider(limits: tuple[Limit, ...], more: tuple[Exempt, ...]) -> tuple[Limits, FakeCounters]:
    counters = FakeCounters()
    return Limits(Replication(limits=limits, exempts=more), counters, "n1"), counters


@given(some_limits(), exempts, steps)
def test_the_short_way_and_the_rule_decide_alike(
    limits: tuple[Limit, ...], more: tuple[Exempt, ...], asking: list[tuple[bytes, float]]
) -> None:
    short, counted_short = decider(limits, more)
    rule, counted_rule = decider(limits, more)
    now = 0.0
    for request, pause in asking:
        now += pause
        admitted = short.answer(request, now) == DUNNO
        assert admitted == rule.decide(request, now).is_granted
        assert counted_short.counted() == counted_rule.counted()


@given(some_limits(), exempts, steps)
def test_no_window_ever_holds_more_than_its_limit_allows(
    limits: tuple[Limit, ...], more: tuple[Exempt, ...], asking: list[tuple[bytes, float]]
) -> None:
    found, counters = decider(limits, more)
    most = {one.name: max(one.most, *(each.most or 0 for each in more), 0) for one in limits}
    now = 0.0
    for request, pause in asking:
        now += pause
        found.answer(request, now)
        for (_, key, _), window in counters.made.items():
            window.roll(now)
            assert window.total <= most[key.partition("/")[0]]


@given(some_limits(), exempts, steps)
def test_what_is_refused_is_charged_nowhere(
    limits: tuple[Limit, ...], more: tuple[Exempt, ...], asking: list[tuple[bytes, float]]
) -> None:
    found, counters = decider(limits, more)
    now = 0.0
    for request, pause in asking:
        now += pause
        before = {key: list(one.events) for key, one in counters.made.items()}
        if found.answer(request, now) != DUNNO:
            for key, one in counters.made.items():
                assert [e for e in one.events if e[0] + key[2] > now] == [
                    e for e in before.get(key, []) if e[0] + key[2] > now
                ]


@given(st.lists(st.tuples(requests, st.integers(1, 3)), min_size=1, max_size=20))
def test_a_message_that_is_admitted_counts_once_per_stage(
    asking: list[tuple[bytes, int]],
) -> None:
    limits = tuple(
        Limit(f"s{n}", Subject.INBOUND_MESSAGES, Per.GLOBAL, 10**6, 1e6, stage=stage)
        for n, stage in enumerate(STAGES)
    )
    found, counters = decider(limits, ())
    for request, times in asking:
        for _ in range(times):
            assert found.answer(request, 0.0) == DUNNO
    for number, stage in enumerate(STAGES):
        of_stage = [one for one in asking if f"protocol_state={stage}\n".encode() in one[0]]
        known = {one[0] for one in of_stage if b"instance=\n" not in one[0]}
        instances = {one.split(b"instance=")[1].split(b"\n")[0] for one in known}
        unknown = sum(times for one, times in of_stage if b"instance=\n" in one)
        assert counters.counted().get(f"s{number}/*", 0) == len(instances) + unknown
