"""What a lab's nodes limit together, how Postfix asks them, and what their workers say."""

import dataclasses

import pytest

from tests.unit.lab.test_log_files import record
from workers.lab import limit_files
from workers.lab.host_files import configuration_of, definitions_of
from workers.lab.limit_health import WELL, missing_in, standing
from workers.lab.log_files import ships
from workers.replication.core.definitions_rules import replication_refusal

LIMITED = dataclasses.replace(record(collectors=0), limits=True)


def test_with_limits_nodes_read_their_mail_log_though_nobody_collects_it() -> None:
    definitions = definitions_of(LIMITED)

    assert ships(LIMITED)
    assert [one.name for one in definitions.logs.sources] == ["mail"]
    assert definitions.logs.subscribers == ()
    assert not ships(dataclasses.replace(LIMITED, mail=False))


def test_the_limits_are_good_and_refuse_nobody_by_themselves() -> None:
    replication = definitions_of(LIMITED).replication

    assert replication.limits
    assert replication_refusal(replication, definitions_of(LIMITED).nodes) is None
    assert all(one.most >= 1_000 for one in replication.limits)


def test_without_limits_there_are_none_and_postfix_asks_nobody() -> None:
    plain = dataclasses.replace(LIMITED, limits=False)

    assert definitions_of(plain).replication.limits == ()
    assert limit_files.postfix_lines(plain, "mta1") == ""
    assert b"check_policy_service" not in configuration_of(plain)["global/postfix/main.cf.j2"]


def test_postfix_asks_its_own_node_and_goes_on_without_an_answer() -> None:
    main = configuration_of(LIMITED)["global/postfix/main.cf.j2"].decode()
    socket = "unix:/run/muster/lab/logs/{{ node.name }}/policy.sock"

    assert main.count(f"check_policy_service {socket}") == 3
    assert "smtpd_policy_service_default_action = DUNNO" in main
    assert "smtpd_delay_reject = no" in main


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({}, []),
        ({"mta1": {"cut_off": False, "problems": []}}, []),
        ({"mta1": None}, ["mta1's limits do not answer"]),
        ({"mta1": {"cut_off": True}}, ["mta1 does not count with its peers"]),
        ({"mta1": {"problems": ["the disk is full"]}}, ["mta1: the disk is full"]),
    ],
)
def test_what_is_missing_is_said(
    told: dict[str, dict[str, object] | None], found: list[str]
) -> None:
    assert missing_in(told) == found


def test_how_a_node_limits_is_a_word_or_two() -> None:
    assert standing(None) == "does not answer"
    assert standing({"cut_off": True}) == "cut off"
    assert standing({"cut_off": False}) == WELL
