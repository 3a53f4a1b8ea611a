"""`muster limits` and `muster shared`, what is defined: what is sent, shown and refused."""

import json
from typing import Any

import pytest

from tests.unit.cli.manager import Manager, limit, problem
from tests.unit.cli.operator import Operator


def sent(manager: Manager, method: str) -> Any:
    [request] = manager.sent(method)
    return json.loads(request.content)


def test_a_limit_is_added(operator: Operator, manager: Manager) -> None:
    done = operator.types(
        "limits add nets --subject inbound-recipients --per network --most 1000/h "
        "--prefix-v4 24 --prefix-v6 48 --test --action reject --message 'too many'"
    )

    assert done.exit_code == 0, done.stderr
    assert sent(manager, "POST") == {
        **{"name": "nets", "subcluster": "default", "subject": "inbound-recipients"},
        **{"per": "network", "most": 1000, "window": 3600.0, "prefix_v4": 24, "prefix_v6": 48},
        **{"test": True, "action": "reject", "message": "too many"},
    }


def test_a_limit_of_what_is_open_has_no_window(operator: Operator, manager: Manager) -> None:
    words = "--subject outbound-connections --per domain --most 20 --binding out --disable"
    done = operator.types(f"limits add bulk2 {words}")

    assert done.exit_code == 0, done.stderr
    body = sent(manager, "POST")
    assert (body["most"], body["window"], body["binding"], body["enabled"]) == (20, 0, "out", False)


def test_a_limit_is_found_by_its_name(operator: Operator, manager: Manager) -> None:
    shown = json.loads(operator.types("limits show per-client -o json").stdout)
    changed = operator.types("limits set per-client --most 200/m --no-test --match ''")
    removed = operator.types("limits remove per-client --yes")

    assert shown["most"] == 100
    assert (changed.exit_code, removed.exit_code) == (0, 0), changed.stderr
    assert sent(manager, "PATCH") == {"most": 200, "window": 60.0, "test": False, "match": ""}
    assert [row["name"] for row in manager.rows["limits"]] == ["bulk", "nets"]
    assert "muster limits list" in operator.types("limits show per-client").stderr


def test_a_limit_of_several_subclusters_has_to_be_chosen(
    operator: Operator, manager: Manager
) -> None:
    manager.rows["limits"].append(limit(9, "per-client", subcluster="staging"))

    asked = operator.types("limits remove per-client --yes")

    assert asked.exit_code == 2
    assert "is in default, staging; choose with --subcluster" in asked.stderr
    assert operator.types("limits set per-client -s staging --most 5/s").exit_code == 0


@pytest.mark.parametrize(
    ("words", "way"),
    [
        ("limits add a --subject inbound-open --per address --most x", "1000/60s"),
        ("limits add a --subject inbound-open --per address --most 5/", "1000/60s"),
        ("limits add a --subject mail --per address --most 5", "inbound-open"),
        ("limits add a --subject inbound-open --per nobody --most 5", "sender-domain"),
        ("limits add a --subject inbound-open --per address", "--most"),
        ("limits set per-client", "--most 200/60s"),
        ("limits set per-client --prefix-v4 33", "32"),
        ("limits exempt add x --key k --most many", "none for no limit"),
        ("limits exempt set office", "--most 5000"),
        ("limits cut-off half", "refuse"),
        ("shared define new", "say its --type"),
        ("shared define new --type inbound", "connections-inbound"),
        ("shared define inbound", "--max-delay"),
        ("shared define inbound --parameter window", "KEY=VALUE"),
        ("shared remove nothing --yes", "muster shared list"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_way_out(
    operator: Operator, manager: Manager, words: str, way: str
) -> None:
    done = operator.types(words)

    assert done.exit_code == 2
    assert way in done.stderr
    assert not manager.sent("POST") + manager.sent("PATCH")


def test_a_list_says_what_is_limited_where(operator: Operator, manager: Manager) -> None:
    manager.rows["limits"].append(limit(9, "wide", binding="out", domain=".example.com"))

    shown = operator.types("limits list").stdout

    assert "per-client" in shown
    assert "60 s" in shown
    assert "out .example.com" in shown


def test_somebody_is_exempted(operator: Operator, manager: Manager) -> None:
    done = operator.types("limits exempt add partner --key a@example.net --limit bulk --most 50")

    assert done.exit_code == 0, done.stderr
    body = {"name": "partner", "subcluster": "default", "key": "a@example.net"}
    assert sent(manager, "POST") == {**body, "limit": "bulk", "most": 50}


def test_an_exemption_is_changed_shown_and_removed(operator: Operator, manager: Manager) -> None:
    listed = operator.types("limits exempt list").stdout
    assert operator.types("limits exempt set office --most none --limit ''").exit_code == 0
    assert sent(manager, "PATCH") == {"most": None, "limit": ""}
    assert "every limit" in listed
    assert "no limit" in listed
    assert operator.types("limits exempt remove office --yes").exit_code == 0
    assert [row["id"] for row in manager.rows["limits/exemptions"]] == [16]


def test_how_nodes_go_on_that_are_cut_off(operator: Operator, manager: Manager) -> None:
    shown = operator.types("limits cut-off -o json")
    assert json.loads(shown.stdout) == {"cut_off": "share", "test": False}
    assert not manager.sent("PUT")

    done = operator.types("limits cut-off refuse")
    assert done.exit_code == 0, done.stderr
    assert sent(manager, "PUT") == {"cut_off": "refuse", "test": False}


def test_a_table_is_defined_by_the_name_of_the_original(
    operator: Operator, manager: Manager
) -> None:
    done = operator.types(
        "shared define messages --type OBTM --scope cluster --max-delay 0.5 "
        "--parameter window=60 --class bulk --no-snapshot"
    )

    assert done.exit_code == 0, done.stderr
    assert sent(manager, "POST") == {
        **{"name": "messages", "subcluster": "default", "type": "throttle-messages"},
        **{"scope": "cluster", "max_delay": 0.5, "parameters": {"window": "60"}},
        **{"table_class": "bulk", "snapshot": False},
    }


def test_a_table_that_is_there_is_changed(operator: Operator, manager: Manager) -> None:
    done = operator.types("shared define inbound --max-pending 10 --parameter ''")

    assert done.exit_code == 0, done.stderr
    assert sent(manager, "PATCH") == {"max_pending": 10, "parameters": {}}
    assert operator.types("shared remove inbound --yes").exit_code == 0
    assert [row["id"] for row in manager.rows["shared/tables"]] == [17]


def test_a_proposal_changes_nothing(operator: Operator, manager: Manager) -> None:
    rate = "--subject inbound-messages --per address --most 5/60s"
    assert operator.types(f"limits add spare {rate} --dry-run").exit_code == 10
    assert operator.types("limits set bulk --most 5/60s --dry-run").exit_code == 10
    assert operator.types("shared define inbound --max-delay 2 --dry-run").exit_code == 10
    assert operator.types("limits cut-off full --dry-run").exit_code == 10
    assert [row["most"] for row in manager.rows["limits"]] == [100] * 3


def test_what_is_in_a_table_is_shown_greatest_first_and_of_one_node(
    operator: Operator, manager: Manager
) -> None:
    done = operator.types("shared show inbound --from mta1 --top 2 --window 60")

    assert done.stdout.splitlines() == ["KEY        VALUE", "192.0.2.1  5", "192.0.2.9  4"]
    assert "20 of 22 keys are left out" in done.stderr
    [asked] = manager.sent("GET")
    wanted = {"table": "inbound", "node": "mta1", "span": "60", "top": "2"}
    assert dict(asked.url.params) == wanted


def test_addresses_are_shown_as_a_tree_with_its_branching_prefixes(operator: Operator) -> None:
    shown = operator.types("shared show inbound --tree").stdout.splitlines()
    told = json.loads(operator.types("shared show inbound --tree -o json").stdout)

    assert shown[1:] == ["192.0.2.0/28  9", "  192.0.2.1   5", "  192.0.2.9   4"]
    assert [one["depth"] for one in told["tree"]] == [0, 1, 1]


def test_limits_are_shown_by_how_full_they_are(operator: Operator) -> None:
    every = operator.types("limits top").stdout
    one = operator.types("limits top per-client --near 2 --columns key,share").stdout

    assert "90 %" in every
    assert one.splitlines() == ["KEY        SHARE", "192.0.2.1  90 %", "192.0.2.9  50 %"]


def test_it_is_explained_which_limits_apply_and_who_was_refused(
    operator: Operator, manager: Manager
) -> None:
    done = operator.types("limits explain 192.0.2.1 --columns limit,remaining,nodes")
    told = json.loads(operator.types("limits explain 192.0.2.1 -o json").stdout)

    assert "per-client  10         mta1=60 mta2=30" in done.stdout
    assert "mta1: limit per-client refused it: 100 of 100 were counted" in done.stderr
    assert told["rows"][0]["nodes"] == {"mta1": 60, "mta2": 30}


def test_refusals_are_chosen_by_limit_key_and_node(operator: Operator, manager: Manager) -> None:
    done = operator.types("limits refusals --limit per-client --key 192.0.2.1 --node mta1 --top 1")

    assert "per-client  192.0.2.1  100" in done.stdout
    assert "3 older ones" in done.stderr
    [asked] = manager.sent("GET")
    wanted = {"limit": "per-client", "key": "192.0.2.1", "node": "mta1", "top": "1"}
    assert dict(asked.url.params) == wanted


def test_a_listener_that_does_not_answer_is_told_with_the_way_out(
    operator: Operator, manager: Manager
) -> None:
    sentence = "nobody tells what nodes count; see that the listener runs"
    manager.refusals["GET shared/"] = problem(503, "unavailable", sentence)

    done = operator.types("shared list")

    assert (done.exit_code, done.stdout) == (1, "")
    assert "see that the listener runs" in done.stderr


def test_nodes_that_told_nothing_are_named(operator: Operator) -> None:
    done = operator.types("shared nodes")

    assert "mta1" in done.stdout
    assert "nothing was told by mta4" in done.stderr


def test_names_of_live_tables_are_offered(operator: Operator) -> None:
    done = operator.types("shared list --columns name -o csv")

    assert done.stdout == "name\ninbound\n"
