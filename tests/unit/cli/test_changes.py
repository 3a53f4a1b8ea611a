"""Changes: looked at first, asked for, sent as seen, awaited; and told as what they became."""

import json
from urllib.parse import unquote

import httpx
import pytest

from tests.unit.cli.manager import Manager, node, problem
from tests.unit.cli.operator import Operator

REMOVALS = [
    "vip remove 198.18.0.101",
    "node remove mta1",
    "subcluster remove default",
    "topology remove 198.18.0.0/24",
    "segment remove rack-7",
    "logs source remove mail",
    "logs subscriber remove manager",
    "limits remove per-client",
    "limits exempt remove office",
    "shared remove inbound",
    "token revoke monitoring",
    "subcluster definitions default --import -",
]


@pytest.mark.parametrize("command", REMOVALS)
def test_nothing_is_removed_without_yes_when_nobody_is_there(
    command: str, operator: Operator, manager: Manager
) -> None:
    done = operator.types(command, "format = 1\n")

    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert not manager.sent("DELETE") + manager.sent("PUT")


@pytest.mark.parametrize("command", REMOVALS)
def test_yes_is_enough(command: str, operator: Operator, manager: Manager) -> None:
    assert operator.types(f"{command} --yes", "format = 1\n").exit_code == 0

    assert len(manager.sent("DELETE") + manager.sent("PUT")) == 1


@pytest.mark.parametrize(
    ("answer", "exit_code", "removed"),
    [("y\n", 0, True), ("yes\n", 0, True), ("n\n", 7, False), ("\n", 7, False), ("", 7, False)],
)
def test_on_a_terminal_it_is_asked_for_with_its_diff(
    answer: str, exit_code: int, removed: bool, operator: Operator, manager: Manager
) -> None:
    operator.around["asks"] = True

    done = operator.types("vip remove 198.18.0.101", answer)

    assert done.exit_code == exit_code
    assert "Remove vip 198.18.0.101? [y/N]" in done.stderr
    assert "-old\n+new" in done.stderr
    assert "?" not in done.stdout
    assert any("dry_run" not in str(request.url) for request in manager.sent("DELETE")) is removed


def test_a_dry_run_prints_the_diff_and_changes_nothing(
    operator: Operator, manager: Manager
) -> None:
    done = operator.types("vip remove 198.18.0.101 --dry-run")

    assert done.exit_code == 10
    assert done.stdout == "--- running\n+++ proposed\n-old\n+new\n"
    assert [request.url.params["dry_run"] for request in manager.sent("DELETE")] == ["1"]
    assert len(manager.rows["vips"]) == 2


def test_a_dry_run_without_a_change_is_0(operator: Operator, manager: Manager) -> None:
    manager.unchanged = True

    done = operator.types("vip edit 198.18.0.101 --weight 1 --dry-run")

    assert (done.exit_code, done.stdout) == (0, "")
    assert "nothing would change" in done.stderr


def test_a_change_goes_with_what_was_seen_and_why(operator: Operator, manager: Manager) -> None:
    done = operator.types("vip edit 198.18.0.101 --weight 3 --reason 'größer: 2, +1'")

    assert done.exit_code == 0
    [sent] = manager.sent("PATCH")
    assert json.loads(sent.content) == {"weight": 3}
    assert sent.headers["if-match"].startswith('"')
    assert unquote(sent.headers["x-muster-reason"]) == "größer: 2, +1"


def test_what_changed_meanwhile_is_not_overwritten(operator: Operator, manager: Manager) -> None:
    manager.refusals["PATCH vips/198.18.0.101/"] = problem(412, "stale", "Changed.")

    assert operator.types("vip edit 198.18.0.101 --weight 3").exit_code == 3


def test_an_empty_word_takes_away(operator: Operator, manager: Manager) -> None:
    operator.types("vip edit 198.18.0.101 --prefer '' --follow '' --description ''")

    [sent] = manager.sent("PATCH")
    assert json.loads(sent.content) == {"prefer": [], "follow": None, "description": ""}


def test_of_several_targets_those_that_can_be_done_are_done(
    operator: Operator, manager: Manager
) -> None:
    done = operator.types("vip remove 198.18.0.101 198.18.0.99 198.18.0.107 --yes -o json")

    assert done.exit_code == 5
    outcomes = {row["target"]: row["outcome"] for row in json.loads(done.stdout)}
    assert outcomes == {
        "vip 198.18.0.101": "done",
        "vip 198.18.0.99": "refused",
        "vip 198.18.0.107": "done",
    }
    assert "198.18.0.99" in done.stderr
    assert manager.rows["vips"] == []


def test_a_partial_change_tells_also_what_is_still_missing(
    operator: Operator, manager: Manager
) -> None:
    manager.obedient = False

    done = operator.types("vip edit 198.18.0.101 198.18.0.99 --weight 2 --timeout 1")

    assert done.exit_code == 5
    assert "mta1 acts on r7, not r8" in done.stderr


def test_all_failing_alike_is_no_partial(operator: Operator) -> None:
    assert operator.types("vip remove 198.18.0.98 198.18.0.99 --yes").exit_code == 3


def test_an_address_is_sent_in_its_one_form(operator: Operator, manager: Manager) -> None:
    operator.types("vip add 2001:DB8:0::7 -s default")

    assert json.loads(manager.sent("POST")[0].content)["address"] == "2001:db8::7"


def test_the_only_subcluster_need_not_be_named(operator: Operator, manager: Manager) -> None:
    operator.types("vip add 198.18.0.120")

    assert json.loads(manager.sent("POST")[0].content)["subcluster"] == "default"


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("0.8", 0.8),
        ("3", 3),
        ("quorum", "quorum"),
        ("true", "true"),
        ("NaN", "NaN"),
        ("1e999", "1e999"),
    ],
)
def test_a_knob_is_a_number_or_a_word(
    written: str, sent: object, operator: Operator, manager: Manager
) -> None:
    assert operator.types(f"settings set dead_after {written}").exit_code == 0

    assert json.loads(manager.sent("PUT")[0].content) == {"value": sent}


WAITS = [
    ("vip add 198.18.0.120", "nobody owns 198.18.0.120"),
    ("vip edit 198.18.0.101 --weight 2", "mta1 acts on r7, not r8"),
    ("vip remove 198.18.0.101 --yes", "mta2 acts on r7, not r8"),
    ("node drain mta1", "acts on r7, not r8"),
    ("settings set dead_after 0.9", "acts on r7, not r8"),
    ("subcluster definitions default --import - --yes", "acts on r7, not r8"),
]


@pytest.mark.parametrize(("command", "missing"), WAITS)
def test_a_wait_ends_with_what_is_missing(
    command: str, missing: str, operator: Operator, manager: Manager
) -> None:
    manager.obedient = False

    done = operator.types(f"{command} --timeout 5", "x")

    assert done.exit_code == 6
    assert missing in done.stderr
    assert 5 <= operator.clock.now < 6
    assert "mta4" not in done.stderr, "a dead node is not awaited"


@pytest.mark.parametrize(("command", "_missing"), WAITS)
def test_no_wait_returns_at_once(
    command: str, _missing: str, operator: Operator, manager: Manager
) -> None:
    manager.obedient = False

    assert operator.types(f"{command} --no-wait", "x").exit_code == 0
    assert operator.clock.now == 0


def test_a_drained_node_is_one_that_holds_nothing(operator: Operator, manager: Manager) -> None:
    manager.obedient = False
    for each in manager.rows["nodes"]:
        each["status"]["revision"] = 8

    done = operator.types("node drain mta1 --timeout 2")

    assert done.exit_code == 6
    assert "mta1 holds 198.18.0.101" in done.stderr


@pytest.mark.parametrize(("option", "exit_code"), [("", 0), ("--wait", 6)])
def test_when_nobody_lives_only_wait_waits(
    option: str, exit_code: int, operator: Operator, manager: Manager
) -> None:
    manager.rows["nodes"] = [node("mta1", 1, verdict="unknown", revision=None)]
    manager.obedient = False

    done = operator.types(f"vip add 198.18.0.120 {option} --timeout 1")

    assert done.exit_code == exit_code
    assert "heard alive" in done.stderr
    assert ("not waiting" in done.stderr) is (exit_code == 0)


@pytest.mark.parametrize(
    "answer",
    [problem(503, "unavailable", "No database."), problem(429, "throttled", "Too many looks.")],
)
@pytest.mark.parametrize("look", ["vips/198.18.0.120/", "nodes/"])
def test_a_manager_that_fails_while_it_is_asked_is_no_failed_change(
    look: str, answer: httpx.Response, operator: Operator, manager: Manager
) -> None:
    manager.refusals[f"GET {look}"] = answer

    done = operator.types("vip add 198.18.0.120 --timeout 1")

    assert done.exit_code == 6
    assert json.loads(answer.content)["detail"] in done.stderr


def test_ctrl_c_while_waiting_says_that_it_is_done(operator: Operator, manager: Manager) -> None:
    manager.obedient = False
    operator.clock.patience_seconds = 1

    done = operator.types("vip edit 198.18.0.101 --weight 2 -o json")

    assert done.exit_code == 130
    assert json.loads(done.stdout)[0]["outcome"] == "done"
    assert "is done" in done.stderr
