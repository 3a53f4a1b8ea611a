"""Rows of the bench `replication` about the policy server, Debian's and one with Redis beside it.

All are asked by the same client over 20 connections to a UNIX socket, about mail whose addresses,
senders and recipients follow Zipf's law; each is warm when it is measured, and all have three
limits that nothing reaches. Ours tells a peer what it counts, and hears what that one counts.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from bench.errors import BenchError
from bench.options import Teller
from bench.peers import policies
from bench.policy_client import Answers, Load, ask
from bench.report import Row, row

ROWS = (
    *("policy.ratio_postfwd", "policy.ratio_redis", "policy.p99_seconds"),
    *("policy.per_second", "policy.ratio_redis_pipelined", "policy.ratio_policyd"),
)
FASTER_THAN_POSTFWD, FASTER_THAN_REDIS, P99_SECONDS = 10.0, 2.0, 0.002
RATE = 5_000.0
LEAST_PART = 0.99
"""Of the requests that fall due, as many are answered, or there is no figure."""
WARM_PART = 0.5
"""Of the time that is measured, so much is asked before."""
OURS = "muster"


def rows(place: Path, seconds: float, seed: int, tell: Teller) -> Iterator[Row]:
    """Measure each server for `seconds`, one after the other."""
    place.mkdir(parents=True, exist_ok=True)
    full = Load(seconds, seed=seed)
    found: dict[str, Answers] = {}
    for number, policy in enumerate((*PEERS, US)):
        with policies.running(policy, place / str(number)) as socket:
            found[policy.name] = measured(socket, full, is_warmed=policy.may_be_left)
            tell(f"{policy.name}: {told(found[policy.name])}")
    with policies.running(US, place / "at-a-rate") as socket:  # no flood's counts left to be told
        late = measured(socket, Load(seconds, rate=RATE, seed=seed))
        tell(f"{US.name} at {RATE:.0f}/s: {told(late)}")
    yield from judged(found, late)


def judged(found: Mapping[str, Answers], late: Answers) -> Iterator[Row]:
    """Make the rows: `found` by the names of the servers, `late` of ours at `RATE`."""
    rates = {name: round(one.per_second, 1) for name, one in found.items()}
    ours = rates.pop(OURS)
    for name, peer, bound in (
        (ROWS[0], policies.POSTFWD, FASTER_THAN_POSTFWD),
        (ROWS[1], policies.ASKING_REDIS, FASTER_THAN_REDIS),
    ):
        ratio = round(ours / rates[peer.name], 4)
        yield row(name, [ratio], "ratio", bound, better="higher")
    in_time = late.per_second >= LEAST_PART * RATE
    yield row(ROWS[2], [round(late.p99, 6)] if in_time else [], "s", P99_SECONDS)
    shown = row(ROWS[3], [ours], "1/s", None, reported=True, better="higher")
    yield msgspec.structs.replace(shown, peers=rates)
    for name, peer in ((ROWS[4], policies.PIPING_REDIS), (ROWS[5], policies.POLICYD_RATE_LIMIT)):
        ratio = round(ours / rates[peer.name], 4)
        yield row(name, [ratio], "ratio", None, reported=True, better="higher")


def measured(socket: Path, load: Load, *, is_warmed: bool = True) -> Answers:
    """Ask a server, warm it first; raises `BenchError` if it refused anything."""
    if is_warmed:
        seconds, seed = load.seconds * WARM_PART, load.seed + 1
        ask(socket, Load(seconds, load.connections, load.rate, load.keys, seed))
    found = ask(socket, load)
    if found.refused:
        raise BenchError(f"{found.refused} requests were refused where no limit was reached")
    return found


def told(answers: Answers) -> str:
    """Say it on a line."""
    times = (answers.median, answers.p99, answers.p999)
    return f"{answers.per_second:.0f}/s, " + " / ".join(f"{one * 1e6:.0f}" for one in times) + " us"


def _ours(work: Path, socket: Path) -> list[policies.Command]:
    link = work / "link.sock"
    program = [sys.executable, "-m", "bench.policy_node", str(socket), str(link)]
    return [([*program, "answer"], socket), ([*program, "peer"], socket)]


US = policies.Policy(OURS, _ours)
PEERS = (
    *(policies.POSTFWD, policies.POLICYD_RATE_LIMIT),
    *(policies.ASKING_REDIS, policies.PIPING_REDIS),
)
