"""Collected mail logs of a fleet, as large as wanted: every message has ids of its own.

What an index costs depends on how many different names there are in a log, so a sample written
again and again will not do. The same size gives the same files. Mail comes in at one node of a
pair and leaves from the other; some mailboxes get very much of it.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

TEMPLATE = "%Y/%m/%d/%{l}/%{s}/%{n}"
PAIRS = 2
DAY_BYTES = 256 * 10**6
"""Of a node, in a file of its own."""
MESSAGES_A_SECOND = 3
FIRST_DAY = 1_795_824_000
MAILBOXES, DOMAINS, HOSTS = 1_000_003, 50_021, 4_001
DEFERRED_EVERY = 25
BATCH = 5_000

_COMES = """\
%(at)s %(node)s postfix/smtpd[%(pid)s]: connect from %(host)s
%(at)s %(node)s postfix/smtpd[%(pid)s]: %(queue)s: client=%(host)s
%(at)s %(node)s postfix/cleanup[%(pid)s]: %(queue)s: message-id=<%(name)s>
%(at)s %(node)s postfix/qmgr[811]: %(queue)s: from=<%(sender)s>, size=%(size)s, nrcpt=1
%(at)s %(node)s postfix/smtpd[%(pid)s]: disconnect from %(host)s ehlo=1 mail=1 data=1 commands=4
"""
_DEFERRED = (
    "%(at)s %(node)s postfix/smtp[%(pid)s]: %(queue)s: to=<%(to)s>, relay=%(relay)s:25, delay=1.2,"
    " delays=0.05/0/0.9/0.25, dsn=4.7.1, status=deferred (host %(relay)s said: 450 4.7.1 <%(to)s>:"
    " Recipient address rejected: try again later (in reply to RCPT TO command))\n"
)
_GOES = (
    "%(at)s %(node)s postfix/smtp[%(pid)s]: %(queue)s: to=<%(to)s>, relay=%(relay)s:25, delay=0.4,"
    " delays=0.05/0/0.1/0.25, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as %(after)s)\n"
    "%(at)s %(node)s postfix/qmgr[811]: %(queue)s: removed\n"
)


@dataclass(frozen=True, slots=True)
class Days:
    """Files that are there, by their template; `keys` are a few messages' ids."""

    template: str
    first: str
    """The same of the first day alone: a gigabyte, or all there is."""
    size: int
    keys: tuple[str, ...]


def write(directory: Path, size: int) -> Days:
    """Mail logs of at least `size` bytes, day after day."""
    done = number = day = 0
    keys: list[str] = []
    while done < size:
        share = min(2 * DAY_BYTES, -(-(size - done) // PAIRS))
        for pair in range(PAIRS):
            written, count = _write_day(directory, day, pair, share, number)
            keys += [queue_of(number + count // 2, 0), name_of(number + count // 3)]
            done, number = done + written, number + count
        day += 1
    first = time.strftime(f"{directory}/%Y/%m/%d/%%{{l}}/%%{{s}}/%%{{n}}", time.gmtime(FIRST_DAY))
    return Days(f"{directory}/{TEMPLATE}", first, done, tuple(keys))


def queue_of(number: int, hop: int) -> str:
    """The queue id of a message on its first node (0), its second (1), and where it goes then."""
    return f"{(number * 3 + hop) * 7_919 % 0xFFFFFFFFFB:011X}"


def name_of(number: int) -> str:
    """The message id of a message."""
    return f"{number:x}.{number * 31 % 0xFFFB:x}@mail{number % HOSTS}.example.net"


def _write_day(directory: Path, day: int, pair: int, share: int, number: int) -> tuple[int, int]:
    """Bytes and messages of a day of two nodes, `share` bytes together or a little more."""
    began = FIRST_DAY + day * 86_400
    names = f"mta{2 * pair + 1}", f"mta{2 * pair + 2}"
    place = directory / time.strftime("%Y/%m/%d/mail/east", time.gmtime(began))
    place.mkdir(parents=True, exist_ok=True)
    count = written = 0
    with (place / names[0]).open("wb") as first, (place / names[1]).open("wb") as second:
        while written < share:
            messages = (
                _message(number + one, began + one // MESSAGES_A_SECOND, names)
                for one in range(count, count + BATCH)
            )
            for file, texts in zip((first, second), zip(*messages, strict=True), strict=True):
                written += file.write("".join(texts).encode())
            count += BATCH
    for name in names:
        os.utime(place / name, (began + 86_400,) * 2)
    return written, count


def _message(number: int, seconds: int, nodes: tuple[str, str]) -> Iterator[str]:
    """What each of its nodes says of one message."""
    chance = number * 2_654_435_761 % (1 << 32)
    mailbox = chance * chance % MAILBOXES * (chance % 64) // 64
    host = chance % HOSTS
    said: dict[str, str | int] = {
        "at": _time(seconds),
        "name": name_of(number),
        "sender": f"user{chance % MAILBOXES}@sender{host}.example.com",
        "size": chance % 90_000 + 700,
        "to": f"box{mailbox}@domain{mailbox % DOMAINS}.example.org",
        "pid": 1_000 + chance % 30_000,
    }
    outside = f"mx{host}.example.org[198.51.{host % 250}.{chance % 250}]"
    inside = "inside.example.net[192.0.2.1]"
    ends = outside, inside, outside
    for hop, node in enumerate(nodes):
        waits = _DEFERRED if hop and not number % DEFERRED_EVERY else ""
        said["node"], said["host"], said["relay"] = node, ends[hop], ends[hop + 1]
        said["queue"], said["after"] = queue_of(number, hop), queue_of(number, hop + 1)
        yield (_COMES + waits + _GOES) % said


@lru_cache(8)
def _time(seconds: int) -> str:
    return time.strftime("%b %e %H:%M:%S", time.gmtime(seconds))
