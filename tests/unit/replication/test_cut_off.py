"""When a node counts as cut off from its peers."""

import pytest

from workers.replication.core.cut_off import AWAY_SECONDS, SILENT_SECONDS, is_cut_off

PEERS = ("mta2", "mta3")
NOW = 1_000.0


@pytest.mark.parametrize(
    ("alive", "heard", "lost_at", "expected"),
    [
        (PEERS, {"mta2": NOW, "mta3": NOW}, None, False),
        (PEERS, {"mta2": NOW - SILENT_SECONDS - 1, "mta3": NOW}, None, False),
        (PEERS, {"mta2": NOW - SILENT_SECONDS - 1, "mta3": 0.0}, None, True),
        (("mta3",), {"mta2": NOW, "mta3": NOW - SILENT_SECONDS - 1}, None, True),
        (("mta3",), {"mta2": 0.0, "mta3": NOW}, None, False),
        ((), {}, None, False),
        (PEERS, {"mta2": NOW, "mta3": NOW}, NOW - AWAY_SECONDS - 1, True),
        ((), {}, NOW - AWAY_SECONDS - 1, True),
        (PEERS, {"mta2": NOW, "mta3": NOW}, NOW - 1, False),
        (PEERS, {}, None, True),
    ],
)
def test_cut_off(
    alive: tuple[str, ...], heard: dict[str, float], lost_at: float | None, expected: bool
) -> None:
    assert is_cut_off(PEERS, alive, heard, lost_at, 0.0, NOW) is expected


def test_whoever_has_just_begun_listens_first() -> None:
    assert not is_cut_off(PEERS, PEERS, {}, None, NOW - 1, NOW)


def test_a_node_without_peers_has_the_whole_limit() -> None:
    assert not is_cut_off((), (), {}, 0.0, 0.0, NOW)
