"""What bounds never allow, whatever a round does."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from chaos.core.judgement import FLAP_SECONDS, two_owners
from chaos.core.plan import round_of
from tests.unit.chaos.played import END, SLACK, ZERO, evidence, hosts, macs, performed, report
from tests.unit.chaos.test_plan import layout
from workers.lab.core.faults import Fault, FaultKind, frame_rules

OFF = (FaultKind.POWER_LOSS, FaultKind.LINK_DOWN, FaultKind.CABLE)
AGENTS = (
    FaultKind.KILL_AGENT,
    FaultKind.KILL_AGENT_FOR_GOOD,
    FaultKind.CLEAN_STOP,
    FaultKind.STOP_AGENT,
    FaultKind.FREEZE,
)
"""An agent that does not run speaks on neither ring, while its kernel keeps the lease."""
BROKERS = (FaultKind.BROKER_KILL, FaultKind.BROKER_FREEZE, FaultKind.BROKER_CUT)


def cuts(faults: list[Fault], one: str, other: str) -> bool:
    """Whether any of these faults, by itself, lets frames of one not get to the other."""
    there = {host.name: host.mac for host in hosts()}
    for fault in faults:
        ports = {
            rule.port
            for rule in frame_rules([fault], hosts())
            if rule.match == "match u32 0 0"
            or there[one] in rule.match
            or there[other] in rule.match
        }
        if ports & {one, other} or (fault.kind in OFF and {one, other} & set(fault.targets)):
            return True
    return False


@given(st.integers(0, 10**6), st.integers(0, 100), st.floats(0.0, 11.0))
def test_two_owners_are_allowed_by_a_double_cut_only(seed: int, number: int, at: float) -> None:
    there = hosts()
    done = performed(round_of(seed, number, layout()).steps, there)
    known = evidence(done, there)
    faults = [fault for each in done for fault in each.faults]
    for pair in combinations(("mta1", "mta2", "mta3"), 2):
        wire = [(0, at, pair[:1]), (at, at + FLAP_SECONDS + SLACK + 0.01, pair)]
        seen = report((0, END - ZERO, pair[0]), wire=wire)
        if not two_owners(seen, macs(), known):
            assert cuts(faults, *pair)
            silent = any(f.kind in AGENTS and set(pair) & set(f.targets) for f in faults)
            assert silent or any(f.kind in BROKERS for f in faults) or cuts_a_path(faults)


def cuts_a_path(faults: list[Fault]) -> bool:
    """Whether some node's way to the broker was harmed."""
    return any(cuts(faults, node, "broker1") for node in ("mta1", "mta2", "mta3"))


@given(st.integers(0, 10**6), st.integers(0, 100))
def test_the_course_of_a_round_has_no_holes_and_ends_at_rest(seed: int, number: int) -> None:
    there = hosts()
    spans = evidence(performed(round_of(seed, number, layout()).steps, there), there).spans

    assert [span.end for span in spans[:-1]] == [span.start for span in spans[1:]]
    assert spans[0].start == 0.0
    assert spans[0].situation.served()
    assert spans[-1].situation.faults == ()
    assert all(not span.situation.faults for span in spans if span.start >= ZERO + 7.6)
