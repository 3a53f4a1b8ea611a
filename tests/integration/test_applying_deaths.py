"""Power loss and kill -9 while a tree is applied: it is the old or the new one, whole."""

import os
import random
from pathlib import Path

import pytest

from tests.integration.deaths import (
    NEW,
    OLD,
    SICK,
    SICK_STEPS,
    STEPS,
    Death,
    Node,
    die,
    look,
    old_node,
    operations,
    run,
)
from workers.config.core.manifests import Rendered

RUNS = int(os.environ.get("DEATHS", "60"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
COUNTS = {"new": STEPS, "sick": SICK_STEPS}
TREES = {"new": NEW, "sick": SICK}


@pytest.mark.parametrize(
    ("kind", "step"), [(kind, 1 + step) for kind, steps in COUNTS.items() for step in range(steps)]
)
def test_a_worker_may_die_before_any_step(tmp_path: Path, kind: str, step: int) -> None:
    node = old_node(tmp_path)
    assert die(node, TREES[kind], [Death(step=step)]) == [9]
    look(node, TREES[kind])


def test_there_are_no_more_steps_than_are_tried(tmp_path: Path) -> None:
    for kind, steps in COUNTS.items():
        (tmp_path / kind).mkdir()
        node = old_node(tmp_path / kind)
        assert die(node, TREES[kind], [Death(step=steps + 1)]) == [0]


def test_who_recovers_may_die_before_any_step_too(tmp_path: Path) -> None:
    for step in range(1, 6):
        (tmp_path / str(step)).mkdir()
        node = old_node(tmp_path / str(step))
        deaths = [Death(step=6), Death(step=step), Death(step=step)]
        assert die(node, SICK, deaths)[0] == 9
        look(node, SICK)


@pytest.mark.parametrize("kind", TREES)
def test_a_worker_may_die_before_any_operation(tmp_path: Path, kind: str) -> None:
    tree: Rendered = TREES[kind]
    (tmp_path / "count").mkdir()
    count, _ = operations(tmp_path / "count", tree)
    print(f"{count} operations")
    for operation in range(1, count + 1):
        home = tmp_path / str(operation)
        home.mkdir()
        node = old_node(home)
        assert die(node, tree, [Death(operation=operation)]) == [9]
        look(node, tree)


@pytest.mark.timeout(3600)
def test_workers_killed_at_random_leave_one_tree_whole(tmp_path: Path) -> None:
    print(f"SEED={SEED} DEATHS={RUNS}")
    assert run(tmp_path, RUNS, SEED) >= RUNS // 3


def test_the_first_tree_of_a_node_is_there_or_not(tmp_path: Path) -> None:
    for step in range(1, 8):
        home = tmp_path / str(step)
        home.mkdir()
        node = Node(home)
        die(node, OLD, [Death(step=step)])
        assert node.files() in ({}, OLD)
        node.switcher().recover()
        assert node.files() in ({}, OLD)
        assert node.switcher().apply(3, NEW)[-1].live_revision == 3
