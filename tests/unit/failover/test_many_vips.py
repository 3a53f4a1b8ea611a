"""What is done for each of thousands of VIPs is done for all of them together."""

import dataclasses

from tests.unit.failover.situation import WITNESS_MAC, A, B, Situation, define, mac
from workers.failover.core import actions as ac
from workers.failover.core import events as ev
from workers.failover.core.definitions import Topology, Vip
from workers.failover.core.holdings import ANNOUNCE_OFFSETS

MANY = 600
WITNESS = "10.0.255.254"
TWO_OWNERS_SECONDS = 0.1


def taken_over() -> Situation:
    """Node A, silent, had many VIPs; all of them were taken from it."""
    vips = [Vip(f"10.0.{n >> 8}.{n & 255}", prefer=(B,)) for n in range(MANY)]
    wide = (Topology("10.0.0.0/16", "eth0", (WITNESS,)),)
    situation = Situation(dataclasses.replace(define((A, B), vips), topologies=wide))
    situation.answers = {WITNESS: WITNESS_MAC}
    situation.peers[A].claims = {one.address: 1 for one in vips}
    situation.start().live(4.0).silence(A).live(4.0)
    assert len(situation.held) == MANY
    return situation


def test_an_owner_that_comes_back_with_them_all_is_contradicted_in_one_go() -> None:
    situation = taken_over()
    claims, situation.peers[A].claims = situation.peers[A].claims, {}
    situation.peers[A].beats = True
    situation.live(2.0)
    situation.hear(A, claims=claims)
    planned = situation.machine.holdings.announcements
    assert {vip for _, batch in planned for vip in batch} == situation.kernel
    assert len(planned) <= len(ANNOUNCE_OFFSETS)


def test_an_owner_that_serves_on_without_an_agent_gets_them_all_back_at_once() -> None:
    situation = taken_over().forget()
    situation.answers |= dict.fromkeys(situation.held, mac(A))
    situation.live(TWO_OWNERS_SECONDS + situation.definitions.knobs.heartbeat_interval)
    assert situation.kernel == set()
    released, referred = situation.actions(ac.Release), situation.actions(ac.Refer)
    assert sum(len(one.vips) for one in referred) == MANY
    assert len(released) <= 3


def test_what_went_before_it_was_adopted_is_found_no_more() -> None:
    situation = Situation(define(vips=3))
    vips = tuple(situation.definitions.vips)
    situation.start(*vips)
    situation.decide(ev.KernelChanged(gone=vips[:2]))
    assert situation.machine.found == vips[2:]
