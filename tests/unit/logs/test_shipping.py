"""What a subscriber is sent of real files, through refusals, losses, deaths, a full backlog."""

import os
import shutil
from pathlib import Path

import pytest

from workers.logs.checkpoints import Checkpoint
from workers.logs.core.chunks import CHUNK_BYTES
from workers.logs.core.definitions import Source, Subscriber
from workers.logs.core.messages import Kept, Shipment, Want
from workers.logs.core.window import PAUSE_SECONDS, SILENCE_SECONDS, WINDOW_BYTES
from workers.logs.shipping import LOOK_SECONDS, Identity, Shipping

LINE = b"a line of some length, so that there need not be many\n"
NAME = "archive"


class Side:
    """A subscriber that says what it has when it is told to, and time as an argument."""

    def __init__(self, directory: Path, backlog_bytes: int = 1 << 30) -> None:
        self.log = directory / "mail.log"
        self.state = directory / "state"
        self.state.mkdir(exist_ok=True)
        self.sent: list[Shipment] = []
        self.safe: list[bool] = []
        """Of each shipment, whether its segment was on the disk when it went out."""
        self.now = 0.0
        self.subscriber = Subscriber(NAME, backlog_bytes)
        self.start()

    def start(self) -> None:
        """As after a death."""
        made = Shipping(Identity("default", "mta1"), self.subscriber, self.state, self.send, 0.0)
        self.shipping = made
        made.follow((Source("mail", str(self.log)),), self.subscriber)

    def send(self, shipment: Shipment) -> None:
        _, logs = Checkpoint(self.state, NAME).load(0.0)
        self.safe.append(shipment.segment in {one.name for all_ in logs.values() for one in all_})
        self.sent.append(shipment)

    def write(self, data: bytes) -> None:
        with self.log.open("ab") as out:
            out.write(data)

    def round(self, seconds: float = LOOK_SECONDS, *, ready: bool = True) -> list[Shipment]:
        """What is sent after so long."""
        self.now += seconds
        before = len(self.sent)
        while self.shipping.round(self.now, self.now, ready=ready):
            pass
        return self.sent[before:]

    def keep(self, *shipments: Shipment) -> None:
        for one in shipments:
            at = one.offset + len(one.data)
            kept = Kept(NAME, "default", "mta1", ((one.segment, at),))
            self.shipping.heard(kept, self.now)


@pytest.fixture
def side(tmp_path: Path) -> Side:
    return Side(tmp_path)


def test_a_segment_is_on_the_disk_before_its_first_piece_goes_out(side: Side) -> None:
    side.write(LINE)
    (first,) = side.round()
    side.log.rename(side.log.with_name("mail.log.1"))
    side.write(LINE)
    assert side.round() == []
    side.keep(first)
    (second,) = side.round(0.0)

    assert side.safe == [True, True]
    assert first.segment != second.segment
    assert (first.node, first.log, first.offset, first.data) == ("mta1", "mail", 0, LINE)


def test_nothing_is_sent_that_cannot_be_written_down(
    side: Side, caplog: pytest.LogCaptureFixture
) -> None:
    side.write(LINE)
    (side.state / "logs").rmdir()
    assert side.round() == []
    assert side.round() == []
    assert len([one for one in caplog.records if "make room" in one.message]) == 1
    (side.state / "logs").mkdir()

    assert [one.data for one in side.round()] == [LINE]


def test_a_window_goes_out_and_more_when_it_is_kept(side: Side) -> None:
    side.write(LINE * (2 * WINDOW_BYTES // len(LINE)))
    first = side.round()
    assert WINDOW_BYTES <= sum(len(one.data) for one in first) <= WINDOW_BYTES + CHUNK_BYTES
    assert side.round() == []
    side.keep(*first)
    side.keep(*side.round())

    assert b"".join(one.data for one in side.sent) == side.log.read_bytes()
    assert side.shipping.status(side.now).backlog_bytes == 0


def test_whoever_is_not_ready_gets_nothing_and_then_all(side: Side) -> None:
    side.write(LINE)
    assert side.round(ready=False) == []
    assert side.shipping.status(side.now).backlog_bytes == len(LINE)
    assert len(side.round(0.0)) == 1


def test_what_flew_is_sent_again_after_a_loss_and_what_is_kept_is_not(side: Side) -> None:
    side.write(LINE)
    side.keep(*side.round())
    side.write(LINE)
    (lost,) = side.round()
    side.shipping.lost(side.now)

    assert side.round() == [lost]


def test_a_refusal_pauses_all_and_one_chunk_tries_again(side: Side) -> None:
    side.write(LINE * (3 * CHUNK_BYTES // len(LINE)))
    (first, *_) = side.round()
    side.shipping.connected(taking=True)
    side.shipping.refused(side.now)
    assert not side.shipping.status(side.now).connected
    assert side.round(PAUSE_SECONDS / 2) == []
    assert side.round(PAUSE_SECONDS) == [first, side.sent[1]]
    side.keep(first)

    assert side.shipping.status(side.now).connected
    assert side.round()[-1].data.endswith(LINE)


def test_what_a_key_of_before_signed_is_sent_again_at_once(side: Side) -> None:
    side.write(LINE)
    (sent,) = side.round()
    side.shipping.send_again(side.now)
    assert side.round() == [sent]
    side.keep(sent)
    side.shipping.send_again(side.now)
    assert side.round() == []


def test_silence_is_not_waited_out_for_ever(side: Side) -> None:
    side.write(LINE)
    first = side.round()
    assert side.round(SILENCE_SECONDS / 2) == []
    assert side.round(SILENCE_SECONDS / 2) == first


def test_what_is_asked_for_is_sent_again_once(side: Side) -> None:
    side.write(LINE)
    (first,) = side.round()
    want = Want(NAME, "default", "mta1", first.segment, 0)
    side.shipping.heard(want, side.now)
    side.shipping.heard(want, side.now)
    assert side.round() == [first]
    side.shipping.heard(want, side.now)
    assert side.round() == []


def test_a_death_sends_the_same_again_under_the_same_name(side: Side) -> None:
    side.write(LINE)
    first = side.round()
    side.start()
    assert side.round() == first
    side.keep(*first)
    side.round()
    side.start()
    side.write(LINE)

    (second,) = side.round()
    assert (second.segment, second.offset) == (first[0].segment, len(LINE))


def test_a_copy_comes_before_the_log_though_nothing_could_be_sent_at_the_first_look(
    side: Side,
) -> None:
    side.write(LINE)
    side.keep(*side.round())
    side.round()
    side.write(b"second\n")
    shutil.copyfile(side.log, side.log.with_name("mail.log.1"))
    os.truncate(side.log, 0)
    side.write(b"third\n")
    side.start()
    assert side.round(ready=False) == []
    (second,) = side.round()
    side.keep(second)
    (third,) = side.round(0.0)

    assert (second.data, third.data) == (b"second\n", b"third\n")


def test_past_the_limit_the_oldest_goes_at_once_and_for_good(tmp_path: Path) -> None:
    side = Side(tmp_path, backlog_bytes=1 << 20)
    side.write(LINE * ((3 << 20) // len(LINE)))
    side.round(ready=False)
    status = side.shipping.status(side.now)
    assert status.backlog_bytes <= 0.9 * (1 << 20)
    assert status.dropped_bytes + status.backlog_bytes == side.log.stat().st_size
    side.start()
    side.round(ready=False)
    first, *others = side.round()

    assert (first.offset, first.data, first.dropped) == (status.dropped_bytes, b"", first.offset)
    assert b"".join(one.data for one in others) == side.log.read_bytes()[first.offset :]
    assert others[0].data.startswith(LINE)
    assert side.shipping.status(side.now).dropped_bytes == status.dropped_bytes


def test_a_line_without_an_end_is_no_reason_to_hurry(side: Side) -> None:
    side.write(b"half a li")
    assert side.round() == []
    side.write(b"ne\n")

    assert [one.data for one in side.round()] == [b"half a line\n"]


def test_a_directory_may_come_later(side: Side) -> None:
    later = side.log.parent / "later" / "log"
    side.shipping.follow((Source("mail", str(later)),), side.subscriber)
    assert side.round() == []
    later.parent.mkdir()
    later.write_bytes(LINE)

    assert [one.data for one in side.round()] == [LINE]


def test_whoever_is_behind_is_told_by_how_much(side: Side) -> None:
    side.write(LINE)
    side.round()
    side.round(10.0)
    status = side.shipping.status(side.now)

    assert (status.backlog_seconds, status.in_flight_bytes) == (10.0, len(LINE))
    assert [(one.size, one.read, one.kept) for one in status.sources] == [(len(LINE), len(LINE), 0)]


def test_another_path_is_another_log_and_the_old_one_is_forgotten(side: Side) -> None:
    side.write(LINE)
    side.round()
    other = side.log.with_name("other")
    other.write_bytes(LINE)
    side.shipping.follow((Source("mail", str(other)),), side.subscriber)
    side.round()
    side.write(LINE)

    assert side.round() == []
    assert [one.path for one in side.shipping.status(side.now).sources] == [str(other)]


def test_rotated_files_of_a_new_log_are_left_alone_those_of_a_match_are_not(side: Side) -> None:
    old = side.log.with_name("mail.log.1")
    old.write_bytes(b"old\n")
    side.write(LINE)
    assert [one.data for one in side.round()] == [LINE]
    pattern = (Source("app", f"{side.log.parent}/app-*"),)
    side.shipping.follow(pattern, side.subscriber)
    assert side.round() == []
    side.log.with_name("app-1.1").write_bytes(b"rotated\n")
    side.log.with_name("app-1").write_bytes(b"live\n")

    (rotated,) = side.round(60.0)
    side.keep(rotated)
    (live,) = side.round(0.0)
    assert (rotated.data, live.data) == (b"rotated\n", b"live\n")
