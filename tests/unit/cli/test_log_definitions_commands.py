"""`muster logs source` and `subscriber`: what is sent, what is shown, what is refused."""

import json
from typing import Any

import pytest

from cluster_admin.cli import sizes
from cluster_admin.cli.errors import Usage
from tests.unit.cli.manager import Manager
from tests.unit.cli.operator import Operator


def sent(manager: Manager, method: str) -> Any:
    [request] = manager.sent(method)
    return json.loads(request.content)


def test_a_source_is_added_for_some_nodes(operator: Operator, manager: Manager) -> None:
    done = operator.types("logs source add web --path '/var/log/web/*.log' --nodes mta1,mta2")

    assert done.exit_code == 0, done.stderr
    body = {"name": "web", "subcluster": "default", "path": "/var/log/web/*.log"}
    assert sent(manager, "POST") == {**body, "nodes": ["mta1", "mta2"]}


def test_a_source_is_found_by_its_name(operator: Operator, manager: Manager) -> None:
    shown = json.loads(operator.types("logs source show mail -o json").stdout)
    edited = operator.types("logs source edit mail --nodes ''")
    removed = operator.types("logs source remove mail --yes")

    assert shown["path"] == "/var/log/mail.log"
    assert (edited.exit_code, removed.exit_code) == (0, 0)
    assert sent(manager, "PATCH") == {"nodes": []}
    assert manager.rows["logs/sources"] == []
    assert "muster logs source list" in operator.types("logs source show mail").stderr


def test_a_source_of_several_subclusters_has_to_be_chosen(
    operator: Operator, manager: Manager
) -> None:
    other = manager.rows["logs/sources"][0] | {"id": 9, "subcluster": "staging"}
    manager.rows["logs/sources"].append(other)

    asked = operator.types("logs source remove mail --yes")

    assert asked.exit_code == 2
    assert "is in default, staging; choose with --subcluster" in asked.stderr
    assert operator.types("logs source remove mail -s staging --yes").exit_code == 0
    assert [row["id"] for row in manager.rows["logs/sources"]] == [3]


def test_a_list_says_all_where_every_node_ships(operator: Operator) -> None:
    assert "all" in operator.types("logs source list").stdout
    assert "1 GiB" in operator.types("logs subscriber list").stdout


def test_a_backlog_is_written_as_people_do(operator: Operator, manager: Manager) -> None:
    done = operator.types("logs subscriber add spare --backlog 20GiB -s default")

    assert done.exit_code == 0, done.stderr
    assert sent(manager, "POST")["backlog_bytes"] == 20 << 30


def test_a_proposal_changes_nothing(operator: Operator, manager: Manager) -> None:
    assert operator.types("logs subscriber add spare --dry-run").exit_code == 10
    assert operator.types("logs subscriber edit manager --backlog 2G --dry-run").exit_code == 10
    assert [row["backlog_bytes"] for row in manager.rows["logs/subscribers"]] == [1 << 30] * 2


def test_an_edit_of_nothing_is_refused(operator: Operator) -> None:
    done = operator.types("logs subscriber edit manager")

    assert done.exit_code == 2
    assert "--backlog 20GiB" in done.stderr


def test_the_end_of_a_subscriber_is_asked_for_and_may_be_refused(operator: Operator) -> None:
    unasked = operator.types("logs subscriber decommission manager")
    refused = operator.types("logs subscriber decommission manager --yes")
    forced = operator.types("logs subscriber decommission manager --force --yes -o json")

    assert (unasked.exit_code, refused.exit_code, forced.exit_code) == (2, 3, 0)
    assert "stop it" in refused.stderr
    assert json.loads(forced.stdout)[0]["object"]["queue"] == "muster.demo.logs.manager"


@pytest.mark.parametrize(
    ("written", "number"),
    [("5", 5), ("5B", 5), ("3K", 3072), ("2 MiB", 2 << 20), ("1T", 1 << 40), ("0", 0)],
)
def test_sizes(written: str, number: int) -> None:
    assert sizes.size(written, "x") == number


@pytest.mark.parametrize("written", ["", "GiB", "1.5G", "-1", "1 PiB", "1g", "9" * 16])
def test_what_is_no_size_is_refused(written: str) -> None:
    with pytest.raises(Usage, match="500MiB"):
        sizes.size(written, "--backlog")


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (1 << 50, "1024 TiB")]
)
def test_sizes_are_shown_short(number: int, text: str) -> None:
    assert sizes.shown(number) == text
