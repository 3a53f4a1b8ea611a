"""Shipping while brokers take nothing, or keys are changed: every line once, in order, and told."""

import time
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest

from tests.integration.brokers import CLUSTER, RunningBroker
from tests.integration.log_nodes import SUBSCRIBER
from tests.integration.log_shippers import PATIENCE_SECONDS, Site
from tests.integration.node_parts import KEY
from workers.bus.exchanges import MANAGER_ACCOUNT, logs_queue
from workers.bus.keys import make_key
from workers.logs.core.window import SILENCE_SECONDS, WINDOW_BYTES

LINES, MANY_LINES = 20_000, 400_000
FULL = """rabbit_policy:set(<<"/">>, <<"full">>, <<".*">>, [{<<"max-length-bytes">>, 20000},
    {<<"overflow">>, <<"reject-publish">>}], 0, <<"queues">>, <<"test">>)"""
NOT_FULL = 'rabbit_policy:delete(<<"/">>, <<"full">>, <<"test">>)'
LITTLE_MEMORY, MUCH_MEMORY = (
    f"vm_memory_monitor:set_vm_memory_high_watermark({part})" for part in (0.0001, 0.4)
)
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def new_site(spare: RunningBroker, tmp_path: Path) -> Iterator[Site]:
    """Nothing runs yet."""
    made = Site(tmp_path, spare)
    try:
        yield made
    finally:
        made.end()
        print(made.home.said(), made.collector.output())
    with pika.BlockingConnection(pika.URLParameters(spare.url(MANAGER_ACCOUNT))) as connection:
        connection.channel().queue_delete(logs_queue(CLUSTER, SUBSCRIBER))


@pytest.fixture
def site(new_site: Site) -> Site:
    """Some lines have arrived."""
    new_site.start()
    new_site.log.write(LINES)
    new_site.wait_collected(new_site.log.written)
    return new_site


def memory_bytes(site: Site) -> int:
    """What the shipper has taken at most."""
    assert site.shipper is not None
    status = Path(f"/proc/{site.shipper.pid}/status").read_text()
    (line,) = [one for one in status.splitlines() if one.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def write_held_up(site: Site) -> None:
    """Three logs full of lines, while nothing is taken; the shipper says so and stays small."""
    before, deadline = memory_bytes(site), time.monotonic() + PATIENCE_SECONDS
    while site.status()["connected"]:
        assert time.monotonic() < deadline, "it does not say that nothing is taken"
        site.log.write(1_000)
        time.sleep(0.5)
    arrived = len(site.log.written)
    for rotate in (site.log.rename, site.log.copy_and_truncate, lambda: None):
        site.log.write(MANY_LINES)
        rotate()
    while site.status()["backlog_bytes"] < len(site.log.written) - arrived:
        assert time.monotonic() < deadline, "it does not say how much waits"
        time.sleep(0.1)
    assert not site.status()["connected"]
    assert memory_bytes(site) < before + WINDOW_BYTES
    assert site.status()["dropped_bytes"] == 0


def test_a_full_queue_holds_lines_up_and_nothing_else(site: Site, spare: RunningBroker) -> None:
    spare.control(FULL)
    try:
        site.collector.kill()
        write_held_up(site)
    finally:
        spare.control(NOT_FULL)
    site.collector.start()

    site.wait_collected(site.log.written)
    site.wait_status("connected", True)


def test_a_broker_short_of_memory_holds_lines_up_and_nothing_else(
    site: Site, spare: RunningBroker
) -> None:
    spare.control(LITTLE_MEMORY)
    try:
        write_held_up(site)
    finally:
        spare.control(MUCH_MEMORY)

    site.wait_collected(site.log.written)
    site.wait_status("connected", True)


def test_cluster_keys_are_changed_one_side_after_the_other(site: Site) -> None:
    new, node_keys = make_key(), site.home.directory / "key"
    for path, keys in (
        (site.manager_keys, (KEY, new)),
        (node_keys, (KEY, new)),
        (node_keys, (new, KEY)),
        (site.manager_keys, (new, KEY)),
        (node_keys, (new,)),
        (site.manager_keys, (new,)),
    ):
        path.write_text("\n".join(keys) + "\n")
        site.log.write(1_000)
        site.wait_collected(site.log.written)
    site.collector.kill()
    site.log.write(1_000)
    site.collector.start()

    site.wait_collected(site.log.written)


def test_what_an_old_cluster_key_signed_is_not_waited_for(site: Site) -> None:
    began, new = time.monotonic(), make_key()
    for path in (site.manager_keys, site.home.directory / "key"):
        path.write_text(new + "\n")
    site.collector.kill()
    site.log.write(1_000)
    site.log.rename()
    site.log.write(1_000)
    site.collector.start()

    site.wait_collected(site.log.written)
    assert time.monotonic() - began < SILENCE_SECONDS


def test_whoever_is_answered_nothing_signs_with_a_new_cluster_key_soon(new_site: Site) -> None:
    new = make_key()
    new_site.manager_keys.write_text(new + "\n")
    new_site.start()
    new_site.log.write(1_000)
    new_site.wait_status("in_flight_bytes", len(new_site.log.written))
    began = time.monotonic()
    (new_site.home.directory / "key").write_text(new + "\n")

    new_site.wait_collected(new_site.log.written)
    assert time.monotonic() - began < SILENCE_SECONDS
