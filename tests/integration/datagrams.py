"""What ring B must not be impressed by: noise, forgeries, strangers, damage, giants, replays."""

import random
import socket
import time
from typing import Any

from tests.integration.agents import CLUSTER, KEY, SUBCLUSTER, Agent, wait
from tests.integration.segment import Host
from workers.bus.codec import MAX_BYTES, Codec
from workers.failover.core.messages import Claim, Heartbeat, Message, NodeState

PORT = 7411
OVERHEAD_BYTES = 14 + 20 + 8
"""Ethernet, IPv4 and UDP before what a datagram says."""
BATCH = 200
GOOD_KEY = bytes.fromhex(KEY)


def overheard(host: Host, count: int, seconds: float = 10.0) -> list[bytes]:
    """Datagrams of ring B that reach a host, as they are."""
    with host.inside():
        ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    found: list[bytes] = []
    deadline = time.monotonic() + seconds
    with ear:
        ear.settimeout(seconds)
        while len(found) < count:
            assert time.monotonic() < deadline, "nobody speaks on ring B"
            frame, (_, _, kind, *_) = ear.recvfrom(1 << 16)
            ring = frame[23] == socket.IPPROTO_UDP and frame[36:38] == PORT.to_bytes(2, "big")
            if ring and kind == socket.PACKET_HOST:
                found.append(frame[OVERHEAD_BYTES:])
    return found


def bad_datagrams(rng: random.Random, good: list[bytes]) -> list[bytes]:
    """Thousands of datagrams that all have to be refused, and some replays."""
    foreign = Codec[Any]("other", SUBCLUSTER, [GOOD_KEY], Message)
    forged = Codec[Any](CLUSTER, SUBCLUSTER, [rng.randbytes(32)], Message)
    nonsense = Codec[Any](CLUSTER, SUBCLUSTER, [GOOD_KEY], Any)
    made = [rng.randbytes(rng.randrange(1400)) for _ in range(1500)]
    made += [_damaged(rng, rng.choice(good)) for _ in range(1000)]
    made += [datagram[: rng.randrange(len(datagram))] for datagram in good for _ in range(10)]
    made += [codec.encode(_boast(n)) for n in range(300) for codec in (foreign, forged)]
    made += [nonsense.encode(_nonsense(rng)) for _ in range(200)]
    made += [rng.randbytes(rng.randrange(MAX_BYTES + 1, 65_508)) for _ in range(20)]
    made += [bytes([2]) + datagram[1:] for datagram in good]
    rng.shuffle(made)
    return [*made, *good, *good]


def flood(agent: Agent, mouth: socket.socket, bad: list[bytes]) -> dict[str, int]:
    """Send them all, as fast as they are read; how many were refused, by reason."""
    before = agent.status()["messages"]["b"]["refused"]
    for at in range(0, len(bad), BATCH):
        batch = bad[at : at + BATCH]
        due = _received(agent) + len(batch)
        for datagram in batch:
            mouth.sendto(datagram, (agent_address(agent), PORT))
        _wait_received(agent, due)
    after = agent.status()["messages"]["b"]["refused"]
    return {why: after[why] - before.get(why, 0) for why in after}


def _wait_received(agent: Agent, count: int) -> None:
    wait(lambda: _received(agent) >= count, "all are read")


def _received(agent: Agent) -> int:
    return int(agent.status()["messages"]["b"]["received"])


def agent_address(agent: Agent) -> str:
    """Where an agent's ring B is."""
    return f"198.18.77.{agent.name.removeprefix('mta')}"


def _damaged(rng: random.Random, datagram: bytes) -> bytes:
    spoilt = bytearray(datagram)
    for _ in range(rng.randrange(1, 4)):
        spoilt[rng.randrange(len(spoilt))] ^= rng.randrange(1, 256)
    return bytes(spoilt)


def _nonsense(rng: random.Random) -> Any:
    """Well signed, and no message."""
    return rng.choice(
        [
            None,
            [],
            {"type": "heartbeat"},
            {"type": rng.randbytes(5).hex()},
            {"type": "heartbeat", "node": "", "incarnation": -1},
            [rng.randrange(99)] * 50,
            "x" * 10_000,
        ]
    )


def _boast(number: int) -> Heartbeat:
    """What would make every other node let go, if it were true."""
    return Heartbeat(
        node="mta2",
        incarnation=1 << 40,
        sequence=number,
        sent_at=1.0,
        state=NodeState.READY,
        revision=1,
        known_revision=1,
        view="v",
        macs=(),
        heard=(),
        claims=tuple(Claim(f"198.18.78.{n}", 1 << 40) for n in range(1, 7)),
        digest=0,
    )
