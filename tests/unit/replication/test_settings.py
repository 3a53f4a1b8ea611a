"""What NODE.toml may say about replication."""

from pathlib import Path

import pytest

from workers.failover.core.toml_text import Problem, load
from workers.replication.settings import Places, places

STATE, DOOR = Path("/var/lib/muster"), Path("/run/muster/agent.sock")


def read(text: str) -> Places:
    return places(load(text).table("replication", "replication"), STATE, DOOR)


def test_everything_has_a_default() -> None:
    assert read("") == Places(
        policy_socket=Path("/run/muster/policy.sock"),
        limits_socket=Path("/run/muster/limits.sock"),
        directory=Path("/var/lib/muster/replication"),
        policy_port=7412,
        limits_port=7413,
    )


def test_what_is_said_counts() -> None:
    found = read('[replication]\npolicy_port = 0\ndirectory = "/srv/counts"\n')

    assert (found.policy_port, found.directory) == (0, Path("/srv/counts"))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('policy_socket = "run/policy"', "write the whole path"),
        (f'limits_socket = "/{"x" * 107}"', "choose a shorter path"),
        ("limits_port = 65536", "write a whole number"),
        ("policy_prot = 1", "did you mean policy_port"),
        ('directory = "/a\\u0000"', "write the whole path"),
    ],
)
def test_what_is_wrong_is_a_sentence(line: str, sentence: str) -> None:
    with pytest.raises(Problem, match=sentence):
        read(f"[replication]\n{line}\n")
