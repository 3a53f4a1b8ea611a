"""Two people who changed the same definitions."""

from dataclasses import replace

import pytest

from cluster_admin.configs.definitions_merge import ClashError, merge
from tests.unit.failover.definitions_samples import EVERYTHING, PLAIN
from workers.failover.core.definitions import Definitions, Knobs, Node, Vip

ADDED = replace(PLAIN, vips={**PLAIN.vips, "198.18.0.102": Vip("198.18.0.102")})
HEAVY = replace(PLAIN, nodes={"mta1": Node("mta1", "198.18.0.11", weight=3)})


def test_who_changed_nothing_takes_what_the_other_did() -> None:
    for sample in (ADDED, HEAVY, PLAIN):
        assert merge(PLAIN, sample, PLAIN) == sample
        assert merge(PLAIN, PLAIN, sample) == sample
        assert merge(PLAIN, sample, sample) == sample


def test_different_rows_and_different_values_of_one_go_together() -> None:
    moved = replace(PLAIN, nodes={"mta1": Node("mta1", "198.18.0.12")})

    assert merge(PLAIN, ADDED, HEAVY) == replace(HEAVY, vips=ADDED.vips)
    assert merge(PLAIN, moved, HEAVY).nodes["mta1"] == Node("mta1", "198.18.0.12", weight=3)


def test_removed_by_one_and_left_alone_by_the_other_is_gone() -> None:
    fewer = replace(PLAIN, vips={"198.18.0.9": Vip("198.18.0.9")})

    assert merge(PLAIN, fewer, HEAVY).vips == fewer.vips
    assert merge(PLAIN, HEAVY, fewer).vips == fewer.vips


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAIN, nodes={"mta1": Node("mta1", "198.18.0.11", weight=4)}),
        replace(PLAIN, nodes={}),
    ],
)
def test_the_same_value_twice_and_removed_against_changed_clash(other: Definitions) -> None:
    for sides in ((HEAVY, other), (other, HEAVY)):
        with pytest.raises(ClashError):
            merge(PLAIN, *sides)


def test_settings_merge_one_by_one_and_the_number_is_theirs() -> None:
    mine = replace(EVERYTHING, knobs=replace(EVERYTHING.knobs, probe_count=9))
    theirs = replace(EVERYTHING, knobs=replace(EVERYTHING.knobs, check_fall=9), revision=40)

    merged = merge(EVERYTHING, mine, theirs)

    assert (merged.knobs.probe_count, merged.knobs.check_fall, merged.revision) == (9, 9, 40)


def test_without_a_common_past_only_what_is_the_same_goes_together() -> None:
    assert merge(None, PLAIN, replace(PLAIN, revision=8)) == replace(PLAIN, revision=8)
    with pytest.raises(ClashError):
        merge(None, PLAIN, replace(PLAIN, knobs=Knobs(probe_count=9), nodes=HEAVY.nodes))
