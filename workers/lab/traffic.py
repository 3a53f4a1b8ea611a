"""The client's traffic: real SMTP mail to every VIP in turn, at a bounded rate.

`python -m workers.lab.traffic COUNTERS_FILE VIP...`. A mail is *accepted* when the node said 250
to its content, else *deferred* (a real client would try again later; this one only counts). Of the
deferred those are *cut* whose session was open when it ended, as it does when its VIP moves.
Counters: totals, both per second over the last second, and per VIP the node that accepted last.
"""

import asyncio
import itertools
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workers.lab.counters import write_counters

MAILS_PER_SECOND = 10
MAIL_SECONDS = 5.0
MOST_AT_ONCE = 60
CUTS_MAX = 100
REPORT_SECONDS = 1.0
SENDER, RECIPIENT = "client@lab.test", "somebody@lab.test"


class Deferred(Exception):
    """The node did not accept a mail."""


class Cut(Deferred):
    """A session ended that the node had begun."""


@dataclass(slots=True)
class Tally:
    """What became of the mails."""

    accepted: int = 0
    deferred: int = 0
    cuts: deque[tuple[str, float]] = field(default_factory=lambda: deque(maxlen=CUTS_MAX))
    """VIP and time of day, in seconds, of the newest."""
    last_node: dict[str, str] = field(default_factory=dict)
    last_error: str = ""


async def send_mail(vip: str, number: int, port: int = 25) -> str:
    """Send one mail to `vip`; answers the name of the node that accepted it."""
    reader, writer = await asyncio.open_connection(vip, port)
    banner = ""
    try:
        banner = await _reply(reader, b"220")
        content = (
            f"From: <{SENDER}>\r\nTo: <{RECIPIENT}>\r\nSubject: mail {number} to {vip}\r\n"
            f"Message-ID: <{number}.{vip}@client.lab.test>\r\n\r\nA mail of the lab.\r\n.\r\n"
        )
        steps = (
            ("EHLO client.lab.test\r\n", b"250"),
            (f"MAIL FROM:<{SENDER}>\r\n", b"250"),
            (f"RCPT TO:<{RECIPIENT}>\r\n", b"250"),
            ("DATA\r\n", b"354"),
            (content, b"250"),
        )
        for line, wanted in steps:
            writer.write(line.encode())
            await _reply(reader, wanted)
        writer.write(b"QUIT\r\n")
    except (ConnectionResetError, BrokenPipeError, EOFError) as error:
        if banner:
            raise Cut(str(error) or "the session ended") from error
        raise
    finally:
        writer.close()
    return banner.split()[1]


async def _reply(reader: asyncio.StreamReader, wanted: bytes) -> str:
    """The last line of a reply, or Deferred when it is not the one wanted."""
    while (line := await reader.readline())[3:4] == b"-":
        continue
    if not line:
        raise EOFError("connection closed")
    if not line.startswith(wanted):
        raise Deferred(line.decode(errors="replace").strip())
    return line.decode(errors="replace")


async def _mail(vip: str, number: int, tally: Tally) -> None:
    try:
        node = await asyncio.wait_for(send_mail(vip, number), MAIL_SECONDS)
    except (OSError, EOFError, TimeoutError, Deferred, ValueError) as error:
        tally.deferred += 1
        if isinstance(error, Cut):
            tally.cuts.append((vip, time.time()))
        tally.last_error = f"{vip}: {error or type(error).__name__}"
    else:
        tally.accepted += 1
        tally.last_node[vip] = node


async def report(path: Path, tally: Tally) -> None:
    """Write the counters once a second, for ever."""
    accepted = deferred = 0
    while True:
        write_counters(
            path,
            {
                "accepted": tally.accepted,
                "deferred": tally.deferred,
                "cuts": list(tally.cuts),
                "accepted_per_second": (tally.accepted - accepted) / REPORT_SECONDS,
                "deferred_per_second": (tally.deferred - deferred) / REPORT_SECONDS,
                "last_node": tally.last_node,
                "last_error": tally.last_error,
            },
        )
        accepted, deferred = tally.accepted, tally.deferred
        await asyncio.sleep(REPORT_SECONDS)


async def run(path: Path, vips: Sequence[str]) -> None:
    """Send and report for ever; a slow node holds up its own mails only."""
    loop = asyncio.get_running_loop()
    tally = Tally()
    under_way: set[asyncio.Task[None]] = set()
    reporting = loop.create_task(report(path, tally))
    due = loop.time()
    for number, vip in enumerate(itertools.cycle(vips)):
        due = max(due + 1 / MAILS_PER_SECOND, loop.time())
        await asyncio.sleep(due - loop.time())
        if reporting.done():
            reporting.result()
        if len(under_way) < MOST_AT_ONCE:
            mail = loop.create_task(_mail(vip, number, tally))
            under_way.add(mail)
            mail.add_done_callback(under_way.discard)
        else:
            tally.deferred += 1


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2:]))
