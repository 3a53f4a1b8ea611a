"""Hooks, checks, hosts of interest, commands as knobs: what is sent, and what is shown."""

import json
from typing import Any

from tests.unit.cli.manager import Manager, knob
from tests.unit.cli.operator import Operator
from workers.failover.core.hooks import HOOK_WARNING


def sent(manager: Manager, method: str = "PATCH") -> Any:
    [request] = manager.sent(method)
    return json.loads(request.content)


def test_a_hook_and_a_check_are_set_as_they_are_typed(operator: Operator, manager: Manager) -> None:
    operator.types(
        "vip edit 198.18.0.101 --hook '/usr/local/sbin/move --zone b' --check 'command:/bin/true'"
    )

    assert sent(manager) == {"hook": "/usr/local/sbin/move --zone b", "check": "command:/bin/true"}


def test_an_empty_word_takes_a_hook_away(operator: Operator, manager: Manager) -> None:
    operator.types("vip edit 198.18.0.101 --hook '' --check ''")

    assert sent(manager) == {"hook": "", "check": ""}


def test_a_vip_with_a_hook_is_shown_with_what_it_costs(
    operator: Operator, manager: Manager
) -> None:
    manager.rows["vips"][0] |= {"hook": "/bin/move", "hook_warning": HOOK_WARNING}

    shown = operator.types("vip show 198.18.0.101 -o json").stdout

    assert json.loads(shown)["hook_warning"] == HOOK_WARNING
    assert "does not fence" in operator.types("vip show 198.18.0.101").stdout.replace("\n", " ")


def test_hosts_of_interest_are_a_list(operator: Operator, manager: Manager) -> None:
    operator.types("topology edit 198.18.0.0/24 --interest 198.18.0.7,198.18.0.8")

    assert sent(manager) == {"interest": ["198.18.0.7", "198.18.0.8"]}


def test_a_command_as_a_knob_is_sent_as_a_text(operator: Operator, manager: Manager) -> None:
    manager.rows["subclusters/default/settings"].append(knob("on_change", 0) | {"value": ""})

    operator.types("settings set on_change '/usr/local/sbin/tell --quick' --subcluster default")

    assert sent(manager, "PUT") == {"value": "/usr/local/sbin/tell --quick"}
