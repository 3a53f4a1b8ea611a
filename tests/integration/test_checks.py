"""Health checks against real servers and commands: what is well, what is not, how often, where."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from workers.failover.checks import AT_ONCE, Checks
from workers.failover.core.definitions import Definitions, Knobs, Node, Topology, Vip

OWN, VIP, OTHER_VIP = "127.0.0.11", "127.0.0.101", "127.0.0.102"
KNOBS = Knobs(check_interval=0.2, check_timeout=0.3)
PATIENCE_SECONDS = 5.0

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def defined(checks: dict[str, str], knobs: Knobs = KNOBS) -> Definitions:
    """VIP -> check; only the loopback's addresses are at hand, so nobody asks the rules."""
    return Definitions(
        cluster="t",
        subcluster="default",
        revision=1,
        knobs=knobs,
        topologies=(Topology("127.0.0.0/8", "lo"),),
        nodes={"mta1": Node("mta1", OWN)},
        vips={vip: Vip(vip, check=check) for vip, check in checks.items()},
    )


@dataclass
class Watched:
    """Running checks, and what they told."""

    checks: Checks
    held: set[str]
    told: list[tuple[str, bool, str]] = field(default_factory=list)

    async def next(self, check: str) -> tuple[bool, str]:
        """The next result of a check from now on."""
        seen = len(self.told)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for name, healthy, sentence in self.told[seen:]:
                    if name == check:
                        return healthy, sentence
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def watching(definitions: Definitions, *held: str) -> AsyncIterator[Watched]:
    mine: set[str] = set(held)
    told: list[tuple[str, bool, str]] = []
    checks = Checks(
        "mta1", definitions, Path("/"), lambda: mine, lambda *result: told.append(result)
    )
    checks.open()
    try:
        yield Watched(checks, mine, told)
    finally:
        checks.close()


@contextlib.asynccontextmanager
async def serving(serve: Serve, address: str = OWN) -> AsyncIterator[int]:
    """A server on a free port; the port."""
    server = await asyncio.start_server(serve, address, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def saying(*lines: bytes, heard: list[bytes] | None = None) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            for line in lines:
                writer.write(line)
            await writer.drain()
            said = await reader.read(100)
            if heard is not None:
                heard.append(said)
            writer.close()

    return serve


@pytest.mark.parametrize(
    ("greeting", "healthy", "words"),
    [
        (b"220 mta1 ESMTP\r\n", True, "220 mta1 ESMTP"),
        (b"220-wait\r\n220 mta1 ESMTP\r\n", True, "220-wait"),
        (b"421 too busy\r\n", False, "no SMTP greeting, it said '421 too busy'"),
        (b"", False, "no answer within 0.3 s"),
        (b"x" * 5000, False, "its greeting is longer than 4096 bytes"),
        (b"\xff\x1b[2J\r\n", False, "no SMTP greeting, it said"),
    ],
)
def test_an_smtp_server_is_judged_by_its_greeting(
    greeting: bytes, healthy: bool, words: str
) -> None:
    async def scenario() -> tuple[bool, str]:
        async with serving(saying(greeting)) as port:
            check = f"smtp:{port}"
            async with watching(defined({VIP: check})) as watched:
                return await watched.next(check)

    was, sentence = asyncio.run(scenario())

    assert was is healthy
    assert words in sentence
    assert sentence.isprintable()


def test_it_parts_from_an_smtp_server_with_quit() -> None:
    async def scenario() -> list[bytes]:
        heard: list[bytes] = []
        async with (
            serving(saying(b"220 mta1\r\n", heard=heard)) as port,
            watching(defined({VIP: f"smtp:{port}"})) as watched,
        ):
            await watched.next(f"smtp:{port}")
            while not heard:
                await asyncio.sleep(0.005)
        return heard

    assert asyncio.run(asyncio.wait_for(scenario(), PATIENCE_SECONDS))[0] == b"QUIT\r\n"


def test_a_port_is_well_while_it_accepts_connections() -> None:
    async def scenario() -> tuple[tuple[bool, str], tuple[bool, str], int]:
        server = await asyncio.start_server(saying(), OWN, 0)
        port = server.sockets[0].getsockname()[1]
        check = f"tcp:{port}"
        async with watching(defined({VIP: check})) as watched:
            before = await watched.next(check)
            server.close()
            await watched.next(check)  # may have begun before
            return before, await watched.next(check), port

    before, after, port = asyncio.run(scenario())
    assert before == (True, "")
    assert after == (False, f"{OWN} port {port}: connection refused")


def test_the_vip_is_asked_while_this_node_holds_it(tmp_path: Path) -> None:
    async def scenario() -> list[tuple[bool, str]]:
        check = "command:/bin/sh -c 'echo $MUSTER_NODE/$MUSTER_VIP/$MUSTER_ADDRESS'"
        results = []
        async with watching(defined({VIP: check, OTHER_VIP: check})) as watched:
            results.append(await watched.next(check))
            watched.held.add(OTHER_VIP)
            await watched.next(check)  # may have begun before
            results.append(await watched.next(check))
            watched.held.add(VIP)
            await watched.next(check)
            results.append(await watched.next(check))
        return results

    assert asyncio.run(scenario()) == [
        (True, f"mta1//{OWN}"),
        (True, f"mta1/{OTHER_VIP}/{OTHER_VIP}"),
        (True, f"mta1/{VIP}/{VIP}"),
    ]


def test_a_service_that_hears_only_elsewhere_fails_on_the_vip() -> None:
    async def scenario() -> tuple[bool, str]:
        async with serving(saying(), address=OWN) as port:
            check = f"tcp:{port}"
            async with watching(defined({VIP: check}), VIP) as watched:
                return await watched.next(check)

    healthy, sentence = asyncio.run(scenario())
    assert not healthy
    assert sentence.startswith(f"{VIP} port ")


def test_one_run_serves_all_vips_that_name_the_check() -> None:
    async def scenario() -> tuple[int, int, float]:
        connections: list[bytes] = []
        loop = asyncio.get_running_loop()
        async with serving(saying(heard=connections)) as port, asyncio.timeout(PATIENCE_SECONDS):
            vips = {f"127.0.1.{number}": f"tcp:{port}" for number in range(1, 200)}
            began = loop.time()
            async with watching(defined(vips)) as watched:
                while len(watched.told) < 4:
                    await asyncio.sleep(0.005)
                took = loop.time() - began
            runs = len(watched.told)
            while len(connections) < runs:  # the server hears a little later
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.1)
        return runs, len(connections), took

    runs, connections, took = asyncio.run(scenario())
    assert connections - runs in (0, 1)  # one may have been cut off
    assert runs - 1 <= took / KNOBS.check_interval  # one run in each interval, and no more


def test_a_failing_command_says_why_and_a_slow_one_is_killed_and_run_again(tmp_path: Path) -> None:
    bad = "command:/bin/sh -c 'echo full; exit 4'"
    slow = f"command:/bin/sh -c 'echo >>{tmp_path}/runs; exec sleep 60'"

    async def scenario() -> tuple[tuple[bool, str], list[tuple[bool, str]], int]:
        async with watching(defined({VIP: bad, OTHER_VIP: slow})) as watched:
            failing = await watched.next(bad)
            for _ in range(2):
                await watched.next(slow)
            begun = len((tmp_path / "runs").read_text())
            return failing, [one[1:] for one in watched.told if one[0] == slow], begun

    failing, hung, begun = asyncio.run(scenario())
    assert failing == (False, "exit code 4: full")
    assert set(hung) == {(False, "took longer than 0.3 s and was killed")}
    assert 1 <= begun <= len(hung) + 1  # never beside its own last run


def test_a_check_that_a_fault_keeps_from_running_fails_and_is_run_again() -> None:
    faults = [LookupError("what is held")]

    def held() -> set[str]:
        if faults:
            raise faults.pop()
        return set()

    async def scenario() -> list[tuple[str, bool, str]]:
        told: list[tuple[str, bool, str]] = []
        definitions = defined({VIP: "command:/bin/true"})
        checks = Checks("mta1", definitions, Path("/"), held, lambda *one: told.append(one))
        checks.open()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(told) < 2:
                await asyncio.sleep(0.005)
        checks.close()
        return told

    first, second = asyncio.run(scenario())[:2]
    said = "the check cannot be run: LookupError('what is held')"
    assert first == ("command:/bin/true", False, said)
    assert second == ("command:/bin/true", True, "")


def test_many_slow_checks_run_a_few_at_a_time(tmp_path: Path) -> None:
    async def scenario() -> int:
        count = f"ls {tmp_path} | wc -l >>{tmp_path}.n"
        script = f"touch {tmp_path}/$$; {count}; sleep 0.05; rm {tmp_path}/$$"
        vips = {
            f"127.0.1.{number}": f"command:/bin/sh -c '{script}' {number}"
            for number in range(1, 41)
        }
        knobs = replace(KNOBS, check_timeout=5.0, check_interval=0.1)
        async with watching(defined(vips, knobs)) as watched:
            async with asyncio.timeout(3 * PATIENCE_SECONDS):
                while len({check for check, _, _ in watched.told}) < len(vips):
                    await asyncio.sleep(0.01)
            assert all(healthy for _, healthy, _ in watched.told)
        return max(map(int, Path(f"{tmp_path}.n").read_text().split()))

    assert 1 < asyncio.run(scenario()) <= AT_ONCE


def test_checks_follow_new_definitions(tmp_path: Path) -> None:
    async def scenario() -> tuple[list[str], list[str]]:
        first, second = "command:/bin/sleep 60", "command:/bin/true"
        knobs = replace(KNOBS, check_timeout=60.0)
        async with watching(defined({VIP: first}, knobs)) as watched:
            await asyncio.sleep(0.4)
            watched.checks.redefine(defined({VIP: second}))
            assert await watched.next(second) == (True, "")
            names = [row["check"] for row in watched.checks.picture(0.0)]
            elsewhere = replace(defined({VIP: second}), nodes={})
            watched.checks.redefine(elsewhere)
            await asyncio.sleep(0)
            seen = len(watched.told)
            await asyncio.sleep(0.5)
            watched.checks.close()
            watched.checks.redefine(defined({VIP: second}))
            await asyncio.sleep(0.3)
            assert len(watched.told) == seen
        return [check for check, _, _ in watched.told], names

    told, names = asyncio.run(scenario())
    assert set(told) == {"command:/bin/true"}
    assert names == ["command:/bin/true"]


def test_people_are_shown_the_last_result() -> None:
    async def scenario() -> tuple[list[object], dict[str, object], float]:
        check = "command:/bin/sh -c 'echo fine'"
        async with watching(defined({VIP: check, OTHER_VIP: check})) as watched:
            began = asyncio.get_running_loop().time()
            before = watched.checks.picture(began)
            await watched.next(check)
            ended = asyncio.get_running_loop().time()
            (after,) = watched.checks.picture(ended + 60)
        return list(before), after, ended - began

    before, after, took = asyncio.run(scenario())
    row = {"check": "command:/bin/sh -c 'echo fine'", "vips": 2}
    assert before == [row | {"healthy": None, "sentence": "", "address": "", "age_seconds": None}]
    age_seconds = after.pop("age_seconds")
    assert after == row | {"healthy": True, "sentence": "fine", "address": OWN}
    assert isinstance(age_seconds, float)
    assert 60 <= age_seconds <= 60 + took + 0.05  # as it is rounded
