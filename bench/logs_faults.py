"""Lines through rotations, deaths and full disks, ours and the peers': the stories and their rows.

Sides go through a story at the same time, each with processes and files of its own: a story is
about what arrives, not how fast. All stories together have the rows `faults.*`.
"""

import contextlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from bench import small_disk
from bench.errors import BenchError
from bench.log_stories import (
    Story,
    away,
    disk_full,
    killing,
    play,
    rotating,
    rotating_away,
    strange,
)
from bench.log_writer import Rotation
from bench.muster_logs import Muster
from bench.numbered import Verdict
from bench.options import Teller
from bench.peers.shippers import PRODUCTS, Peer, peer
from bench.report import Row, row
from workers.lab.errors import LabError

OURS = Muster.name
SIDES = (*PRODUCTS, OURS)
FIGURES = ("lost", "duplicated", "garbled")
FAULT_ROWS = tuple(f"faults.{figure}" for figure in FIGURES)
WINDOW_ROW = "copytruncate.window_lost"
AWAY = "collector-away"
DROPPED_ROW = f"{AWAY}.dropped"
Verdicts = dict[str, dict[str, Verdict]]
"""Story -> side -> what came of the lines."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much is done to the logs."""

    kills: int = 20
    rotations: int = 10
    full_disks: int = 5
    long_line: int = 100 * 10**6
    backlog: int = 64 << 20
    """Limit of what a node keeps for a collector that is away, in bytes."""
    still_seconds: float = 60.0
    """Nothing comes for so long: nothing more will. Longer than anybody waits to try again."""
    at_once: int = len(SIDES)


def stories(counts: Counts) -> tuple[Story, ...]:
    """Everything that is done; the longest first."""
    return (
        *(killing(part, counts.kills) for part in Muster.parts),
        away("collector", counts.backlog),
        disk_full(counts.full_disks),
        rotating(Rotation.RENAME, counts.rotations),
        rotating(Rotation.COPY_TRUNCATE, counts.rotations),
        rotating_away("shipper"),
        strange(counts.long_line),
    )


def names(story: Story) -> tuple[str, ...]:
    """The rows that a story has for itself."""
    more = {Rotation.COPY_TRUNCATE.value: (WINDOW_ROW,), AWAY: (DROPPED_ROW,)}
    return (*(f"{story.name}.{figure}" for figure in FIGURES), *more.get(story.name, ()))


def played(
    wanted: Sequence[Story], place: Path, counts: Counts, tell: Teller
) -> Iterator[tuple[str, str, Verdict]]:
    """Play them on all sides that have the parts: story, side, what came.

    Where one cannot be played, the others are; then raises its `BenchError` or `LabError`.
    """

    def one(story: Story, side: str) -> Verdict:
        seed = secrets.randbits(32)
        verdict = _play(story, side, place / story.name / side, seed, counts.still_seconds)
        tell(f"{story.name}, {side} (seed {seed}): {verdict}")
        return verdict

    pool = ThreadPoolExecutor(counts.at_once)
    try:
        jobs = [
            (story.name, side, pool.submit(one, story, side))
            for story in wanted
            for side in SIDES
            if set(story.parts) <= set(_parts(side))
        ]
        problem: Exception | None = None
        for name, side, job in jobs:
            try:
                verdict = job.result()
            except (BenchError, LabError) as error:
                tell(f"{name}, {side}: {error}")
                problem = problem or error
            else:
                yield name, side, verdict
        if problem is not None:
            raise problem
    finally:
        pool.shutdown(cancel_futures=True)


def rows(verdicts: Verdicts) -> Iterator[Row]:
    """The sum over all stories, then each of them, the peers beside."""
    ours = [sides[OURS] for sides in verdicts.values() if OURS in sides]
    for name, figure in zip(FAULT_ROWS, FIGURES, strict=True):
        yield row(name, [float(getattr(one, figure)) for one in ours], "lines", 0.0, sum)
    for story, sides in verdicts.items():
        for figure in FIGURES:
            yield beside(f"{story}.{figure}", _figures(sides, figure), "lines", 0.0)
    if copied := verdicts.get(Rotation.COPY_TRUNCATE.value):
        yield beside(WINDOW_ROW, _figures(copied, "window_lost"), "lines", None)
    if gone := verdicts.get(AWAY):
        yield beside(DROPPED_ROW, _figures(gone, "dropped"), "lines", 1.0, better="higher")


def beside(
    name: str, found: Mapping[str, float], unit: str, bound: float | None, better: str = "lower"
) -> Row:
    """Our figure with the peers' beside it; without a bound it is reported."""
    ours = [found[OURS]] if OURS in found else []
    made = row(name, ours, unit, bound, reported=bound is None, better=better)
    peers = {side: value for side, value in found.items() if side != OURS}
    return msgspec.structs.replace(made, peers=peers)


def _figures(sides: Mapping[str, Verdict], figure: str) -> dict[str, float]:
    return {side: float(getattr(one, figure)) for side, one in sides.items()}


def _parts(side: str) -> tuple[str, ...]:
    return Muster.parts if side == OURS else Peer.parts


def _play(story: Story, name: str, place: Path, seed: int, still_seconds: float) -> Verdict:
    place.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        if story.disk_bytes:
            stack.enter_context(small_disk.mounted(place / "disk", story.disk_bytes))
        ours = name == OURS
        side = Muster(place, backlog_bytes=story.backlog_bytes) if ours else peer(name, place)
        return play(side, story, seed, still_seconds)
