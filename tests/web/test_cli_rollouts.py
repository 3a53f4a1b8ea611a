"""`muster config rollout` against the real API: one process, nodes that report by rows."""

import json
from pathlib import Path
from typing import Any

import pytest

from cluster_admin.cli.surroundings import Surroundings
from cluster_admin.configs import rollouts
from cluster_admin.configs.rollout_models import Rollout
from tests.unit.cli.operator import Done
from tests.web.api_client import administrator, newest
from tests.web.rollout_stage import OLGA, Stage
from tests.web.shell import Shell
from workers.exit_codes import Exit

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


class RolloutShell(Shell):
    """While a command waits, nodes and driver work."""

    def __init__(self, home: Path, **around: Any) -> None:
        super().__init__(home, administrator().secret, **around)
        self.stage = Stage()

    def surroundings(self) -> Surroundings:
        around = super().surroundings()
        values = {name: getattr(around, name) for name in Surroundings.__slots__}
        return Surroundings(**values | {"sleep": self.work})

    def work(self, seconds: float) -> None:
        """What happens while the command sleeps."""
        self.clock.sleep(seconds)
        self.stage.turn()

    def rollout(self, options: str = "") -> Done:
        return self.types(f"muster config rollout {self.stage.new} --pause 3s {options}")


@pytest.fixture
def shell(tmp_path: Path) -> RolloutShell:
    return RolloutShell(tmp_path)


def test_followed_to_its_end(shell: RolloutShell) -> None:
    done = shell.rollout("--wait --reason 'Tuesday' -o json")

    assert done.exit_code == Exit.OK
    (told,) = json.loads(done.stdout)
    assert (told["phase"], told["progress"], told["reason"]) == ("done", 1.0, "Tuesday")
    assert set(shell.stage.live().values()) == {shell.stage.new}
    assert newest(kind="rollout", action="start").reason == "Tuesday"


def test_a_bar_on_a_terminal_only(tmp_path: Path) -> None:
    shell = RolloutShell(tmp_path, reports=True)

    done = shell.rollout("--wait")

    assert done.exit_code == Exit.OK
    assert "100% done, batch 2 of 2: 3 passed" in done.stderr


def test_turned_back_is_failed_and_says_why(shell: RolloutShell) -> None:
    shell.stage.outcomes["mta1"] = "turned_back"

    done = shell.rollout("--wait")

    assert done.exit_code == Exit.FAILED
    assert "turned back, 0 of 3 nodes; mta1: it turned_back" in done.stderr
    assert set(shell.stage.live().values()) == {shell.stage.old}


def test_one_that_stops_after_the_canary_says_how_to_go_on(shell: RolloutShell) -> None:
    done = shell.rollout("--pause canary --wait")
    assert done.exit_code == Exit.PARTIAL
    assert "the canary has passed" in done.stderr
    assert "muster config rollout-resume" in done.stderr

    done = shell.types("muster config rollout-resume --wait")

    assert done.exit_code == Exit.OK
    assert Rollout.objects.get().phase == "done"


def test_aborted_by_id_or_the_only_one(shell: RolloutShell) -> None:
    assert shell.rollout().exit_code == Exit.OK
    shell.stage.until("mta1", "applied")

    assert shell.types("muster config rollout-pause").exit_code == Exit.OK
    assert shell.types("muster config rollout-pause").exit_code == Exit.REFUSED
    done = shell.types("muster config rollout-abort --wait --reason 'the wrong one'")

    assert done.exit_code == Exit.OK
    assert Rollout.objects.get().phase == "aborted"
    assert shell.types("muster config rollout-abort").exit_code == Exit.USAGE


def test_somebody_else_aborts_it_meanwhile(shell: RolloutShell) -> None:
    def work(seconds: float) -> None:
        shell.clock.sleep(seconds)
        shell.stage.turn()
        if shell.stage.stages()["mta1"] == "applied":
            rollouts.abort(OLGA, Rollout.objects.get(), "the wrong one")

    shell.work = work  # type: ignore[method-assign]
    done = shell.rollout("--wait")

    assert done.exit_code == Exit.CANCELLED
    assert "aborted by olga: the wrong one" in done.stderr


def test_no_longer_waited_for_it_goes_on(shell: RolloutShell) -> None:
    done = shell.rollout("--wait --timeout 2")

    assert done.exit_code == Exit.UNKNOWN
    assert "the rollout goes on" in done.stderr
    assert Rollout.objects.get().ended_at is None


def test_interrupted_it_goes_on(shell: RolloutShell) -> None:
    shell.clock.patience_seconds = 2

    done = shell.rollout("--wait")

    assert done.exit_code == 130
    assert "the rollout goes on; stop it with" in done.stderr


def test_tried_it_shows_turns_and_each_nodes_difference(shell: RolloutShell) -> None:
    new, old = shell.stage.new, shell.stage.old
    done = shell.rollout("--dry-run --batch 2 --order mta2")

    assert done.exit_code == Exit.CHANGES_PENDING
    assert done.stdout.count("+b.test :") == 3
    assert f"=== mta2 (r{old} -> r{new})" in done.stdout
    assert "canary: mta2\nbatch 1: mta1, mta3\n" in done.stderr
    assert not Rollout.objects.exists()
    done = shell.rollout("--dry-run -o csv --columns node,batch,old")
    assert done.stdout == f"node,batch,old\nmta1,0,{old}\nmta2,1,{old}\nmta3,2,{old}\n"


def test_listed_and_shown(shell: RolloutShell) -> None:
    assert shell.types("muster config rollout-show").exit_code == Exit.USAGE
    shell.rollout()
    shell.stage.run()

    done = shell.types("muster config rollouts -o csv --columns subcluster,revision,phase")
    assert done.stdout == f"subcluster,revision,phase\ndefault,{shell.stage.new},done\n"
    told = json.loads(shell.types("muster config rollout-show -o json").stdout)
    assert [one["stage"] for one in told["members"]] == ["passed"] * 3


@pytest.mark.parametrize(
    ("options", "exit_code", "word"),
    [
        ("--pause often", Exit.USAGE, "--pause is 'often'"),
        ("--canary 0", Exit.USAGE, "canary"),
        ("--order mta9", Exit.REFUSED, "no node 'mta9'"),
        ("--drain --canary 3", Exit.REFUSED, "leaves nobody"),
    ],
)
def test_what_cannot_be(shell: RolloutShell, options: str, exit_code: Exit, word: str) -> None:
    done = shell.rollout(options)

    assert done.exit_code == exit_code
    assert word in done.stderr
