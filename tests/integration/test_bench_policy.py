"""The clients of the bench, and the node they ask."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench import policy_client, replication_policy
from bench.peers import policies


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    return tmp_path / "node"


def test_the_node_is_asked_and_replicates(asked: Path) -> None:
    with policies.running(replication_policy.US, asked) as socket:
        found = policy_client.ask(socket, policy_client.Load(0.3, keys=50))
        slow = policy_client.ask(socket, policy_client.Load(0.5, rate=200.0, keys=50))

    assert found.count > 100
    assert found.refused == 0
    assert slow.count == pytest.approx(100, abs=20)
    assert 0 < slow.median <= slow.p99 <= slow.p999 <= slow.worst


def test_the_client_without_a_compiler_says_the_same(asked: Path) -> None:
    with policies.running(replication_policy.US, asked) as socket:
        words = (socket, 4, 0.3, 0, 50, 1)
        done = subprocess.run(
            [sys.executable, "-m", "bench.load.policy_load", *map(str, words)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    count, refused, seconds, *times = map(float, done.stdout.split())

    assert count > 50
    assert refused == 0
    assert 0.2 < seconds < 5
    assert times == sorted(times)
    assert len(times) == 4
