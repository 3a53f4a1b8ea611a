"""What a node tells reaches its managers: many files at once, large reports, brokers that hang."""

import contextlib
import random
import signal
import threading
from collections.abc import Iterator

import pika

from tests.integration.brokers import CLUSTER, SUBCLUSTER, RunningBroker
from tests.integration.configuring import Heard, ears
from tests.integration.node_parts import KEY, wait
from workers.bus.exchanges import config_exchange
from workers.config.core.messages import EDIT_BYTES, Applied, Edited, Standing
from workers.config.core.reports import OUTPUT_BYTES, Outcome, Report
from workers.config.speaking import Speaker

RUN = "2026-11-28T12:00:00.000+00:00"
FILES = 150


@contextlib.contextmanager
def speaker(broker: RunningBroker) -> Iterator[tuple[Speaker, threading.Event]]:
    """A node's, and whether it can be heard."""
    back = threading.Event()
    keys = [bytes.fromhex(KEY)]
    one = Speaker(CLUSTER, SUBCLUSTER, keys, [broker.url("mta1")], back.set)
    one.start()
    try:
        yield one, back
    finally:
        one.close()


def applied(sequence: int, output: str = "") -> Applied:
    report = Report(
        revision=sequence, hash="", outcome=Outcome.KEPT, sentence="it failed", output=output
    )
    return Applied(node="mta1", started_at=RUN, sequence=sequence, report=report)


def revisions(heard: Heard) -> list[int]:
    return [one.report.revision for one in heard.of(Applied)]


def test_everything_arrives_in_its_order(rabbitmq: RunningBroker) -> None:
    noise = random.Random(1)
    large = noise.randbytes(OUTPUT_BYTES).hex()
    with ears(rabbitmq.url("manager"), set()) as heard, speaker(rabbitmq) as (one, back):
        assert back.wait(20)
        one.say(applied(1, large))
        for number in range(2, 2 + FILES):
            one.say(
                Edited(
                    node="mta1",
                    started_at=RUN,
                    sequence=number,
                    live=1,
                    path=f"maps/{number}",
                    content=noise.randbytes(EDIT_BYTES),
                )
            )
        one.say(applied(FILES + 2))
        wait(lambda: len(heard.messages) == FILES + 2, "all arrive")
    assert [message.sequence for message in heard.messages] == list(range(1, FILES + 3))
    assert 1_000 < len(heard.of(Applied)[0].report.output) < len(large)


def test_reports_outlive_a_broker_that_hangs_and_dies(spare: RunningBroker) -> None:
    with ears(spare.url("manager"), set(), kept=True) as heard:
        pass
    with speaker(spare) as (one, back):
        assert back.wait(20)
        one.say(applied(1))
        spare.signal(signal.SIGSTOP)
        one.say(applied(2))  # on its way to a broker that never takes it
        back.clear()
        spare.signal(signal.SIGKILL)
        one.say(applied(3))
        one.say(standing())
        spare.start()
        spare.wait_ready()
        assert back.wait(30)
        one.say(applied(4))
        with ears(spare.url("manager"), set(), kept=True) as heard:
            wait(lambda: revisions(heard)[-3:] == [2, 3, 4], "the reports arrive in order")
            assert set(revisions(heard)) <= {1, 2, 3, 4}
            assert not heard.of(Standing), "how it stood then is of no use"
    with pika.BlockingConnection(pika.URLParameters(spare.url("manager"))) as connection:
        connection.channel().queue_delete(config_exchange(CLUSTER, SUBCLUSTER))


def standing() -> Standing:
    return Standing(
        node="mta1", started_at=RUN, sequence=9, number=1, commit="a" * 40, live=1, live_hash=""
    )
