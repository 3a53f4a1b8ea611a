"""Hooks and news of changes, with real commands: in order per VIP, in time, and told."""

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from workers.failover.core.actions import Fact, FactKind, Reason
from workers.failover.core.definitions import Definitions, Knobs, Vip
from workers.failover.hooks import AT_ONCE, NOTICES_WAITING, Hooks

VIP = "198.18.0.101"
PATIENCE_SECONDS = 10.0
SEED = 20261124
SECONDS = r"([0-9]+\.[0-9]{2}) s"
"""How long a hook took, as it is told."""


def taken(vip: str = VIP) -> Fact:
    return Fact(FactKind.TAKEN, vip=vip, node="mta2", reason=Reason.OWNER_DIED)


def released(vip: str = VIP) -> Fact:
    return Fact(FactKind.RELEASED, vip=vip, reason=Reason.CONFLICT)


@dataclass
class Script:
    """A hook that keeps a log of its calls: `begin ARGUMENTS`, then `end WORD VIP`."""

    log: Path
    path: Path

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def words(self) -> list[str]:
        """What it was asked to do, call by call."""
        return [line.split()[4] for line in self.lines() if line.startswith("begin")]

    def __str__(self) -> str:
        return f"{self.path} --zone 'a b'"


@pytest.fixture
def script(tmp_path: Path) -> Script:
    made = Script(tmp_path / "log", tmp_path / "hook")
    made.path.write_text(
        "#!/bin/sh\n"
        "delay=$(cat $(dirname $0)/delay 2>/dev/null || echo 0)\n"
        'echo "begin $*" >>$(dirname $0)/log\n'
        "sleep $delay\n"
        'echo "end $3 $4" >>$(dirname $0)/log\n'
        "exit $(cat $(dirname $0)/code 2>/dev/null || echo 0)\n"
    )
    made.path.chmod(0o755)
    return made


def defined(hooks: dict[str, str], **knobs: object) -> Definitions:
    vips = {vip: Vip(vip, hook=hook) for vip, hook in hooks.items()}
    return Definitions("t", "default", 1, replace(Knobs(), **knobs), vips=vips)  # type: ignore[arg-type]


@dataclass
class Told:
    """Running hooks, and the facts they told."""

    hooks: Hooks
    facts: list[Fact] = field(default_factory=list)

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not true():
                await asyncio.sleep(0.005)

    def details(self) -> list[str]:
        return [fact.detail for fact in self.facts]


@contextlib.asynccontextmanager
async def hooked(definitions: Definitions) -> AsyncIterator[Told]:
    facts: list[Fact] = []
    hooks = Hooks("mta1", definitions, Path("/"), facts.append)
    yield Told(hooks, facts)
    await hooks.close(0)


def test_a_hook_is_told_what_to_do_and_its_outcome_is_a_fact(script: Script) -> None:
    async def scenario() -> list[Fact]:
        async with hooked(defined({VIP: str(script)})) as told:
            told.hooks.tell(taken())
            await told.until(lambda: told.facts)
            told.hooks.tell(released())
            await told.until(lambda: len(told.facts) == 2)
        return told.facts

    first, second = asyncio.run(scenario())
    assert [line for line in script.lines() if line.startswith("begin")] == [
        f"begin --zone a b take {VIP} mta1",
        f"begin --zone a b release {VIP} mta1",
    ]
    assert (first.kind, first.vip, first.node) == (FactKind.HOOK, VIP, "mta1")
    assert re.fullmatch(f"take hook {script.path} was through after {SECONDS}", first.detail)
    assert re.fullmatch(f"release hook {script.path} was through after {SECONDS}", second.detail)


@pytest.mark.parametrize("fact", [FactKind.FAILED, FactKind.DEAD, FactKind.HOOK])
def test_other_facts_call_nothing(fact: FactKind, script: Script) -> None:
    async def scenario() -> None:
        async with hooked(defined({VIP: str(script)}, on_change=str(script))) as told:
            told.hooks.tell(Fact(fact, vip=VIP))
            await asyncio.sleep(0.1)

    asyncio.run(scenario())
    assert script.lines() == []


def test_a_vip_without_a_hook_calls_nothing(script: Script) -> None:
    async def scenario() -> dict[str, int]:
        async with hooked(defined({VIP: ""})) as told:
            told.hooks.tell(taken())
            return told.hooks.picture()

    assert asyncio.run(scenario()) == {"running": 0, "waiting": 0, "notices": 0}


def test_failures_are_told_with_their_reason(script: Script) -> None:
    (script.path.parent / "code").write_text("7")

    async def scenario() -> tuple[Fact, Fact]:
        async with hooked(defined({VIP: str(script), "198.18.0.102": "/nowhere"})) as told:
            told.hooks.tell(taken())
            await told.until(lambda: told.facts)
            told.hooks.tell(taken("198.18.0.102"))
            await told.until(lambda: len(told.facts) == 2)
        return told.facts[0], told.facts[1]

    failed, absent = asyncio.run(scenario())
    assert failed.kind is absent.kind is FactKind.FAILED
    assert (failed.vip, failed.node) == (VIP, "mta1")
    said = f"take hook {script.path} failed after {SECONDS}: exit code 7"
    assert re.fullmatch(said, failed.detail)
    assert absent.detail.endswith("/nowhere cannot be run: No such file or directory")


def test_a_release_waits_for_the_take_before_it_and_a_hung_one_is_ended_first(
    script: Script,
) -> None:
    (script.path.parent / "delay").write_text("60")

    async def scenario() -> list[str]:
        async with hooked(defined({VIP: str(script)}, hook_timeout=0.4)) as told:
            told.hooks.tell(taken())
            await told.until(script.lines)
            (script.path.parent / "delay").write_text("0")
            told.hooks.tell(released())
            await told.until(lambda: len(told.facts) == 2)
        return told.details()

    slow, good = asyncio.run(scenario())
    late = re.fullmatch(f".* failed after {SECONDS}: took longer than 0.4 s and was killed", slow)
    assert late is not None
    assert float(late[1]) >= 0.4
    assert good.startswith("release hook")
    assert [line.split()[0] for line in script.lines()] == ["begin", "begin", "end"]


def test_of_several_that_wait_the_newest_wish_wins(script: Script) -> None:
    (script.path.parent / "delay").write_text("0.2")

    async def scenario() -> None:
        async with hooked(defined({VIP: str(script)})) as told:
            told.hooks.tell(taken())
            await told.until(script.lines)
            for _ in range(20):
                told.hooks.tell(released())
                told.hooks.tell(taken())
            told.hooks.tell(released())
            await told.until(lambda: len(told.facts) == 2)
            await asyncio.sleep(0.1)

    asyncio.run(scenario())
    assert script.lines() == [
        f"begin --zone a b take {VIP} mta1",
        f"end take {VIP}",
        f"begin --zone a b release {VIP} mta1",
        f"end release {VIP}",
    ]


def test_random_wishes_end_as_the_newest_says_with_never_two_hooks_at_a_time(
    script: Script,
) -> None:
    (script.path.parent / "delay").write_text("0.01")
    rng = random.Random(SEED)
    vips = [f"198.18.0.{number}" for number in range(1, 31)]
    newest: dict[str, str] = {}

    async def scenario() -> None:
        async with hooked(defined(dict.fromkeys(vips, str(script)))) as told:
            for _ in range(300):
                vip = rng.choice(vips)
                newest[vip] = rng.choice(["take", "release"])
                told.hooks.tell(taken(vip) if newest[vip] == "take" else released(vip))
                assert told.hooks.picture()["running"] <= AT_ONCE
                if rng.random() < 0.2:
                    await asyncio.sleep(0.01)
            await told.hooks.close(PATIENCE_SECONDS)
            assert all(fact.kind is FactKind.HOOK for fact in told.facts)

    asyncio.run(scenario())
    calls: dict[str, list[str]] = {vip: [] for vip in newest}
    for line in script.lines():
        words = line.split()
        word, vip = words[4:6] if words[0] == "begin" else ("end", words[2])
        calls[vip].append(word)
    for vip, words in calls.items():
        assert words[-2:] == [newest[vip], "end"], f"seed {SEED}"
        assert set(words[1::2]) == {"end"}, f"seed {SEED}"
        assert "end" not in words[::2], f"seed {SEED}"


def test_what_is_on_its_way_is_finished_at_the_end_or_told(script: Script) -> None:
    (script.path.parent / "delay").write_text("0.3")

    async def scenario(seconds: float) -> list[str]:
        async with hooked(defined({VIP: str(script)}, on_change=str(script))) as told:
            told.hooks.tell(released())
            await told.hooks.close(seconds)
        return told.details()

    patient = asyncio.run(scenario(PATIENCE_SECONDS))
    assert len(patient) == 1
    assert patient[0].startswith("release hook")
    assert len(script.lines()) == 4
    assert asyncio.run(scenario(0.05)) == [
        f"a hook was not through when the agent ended: {VIP}",
        "on_change was not through when the agent ended; changes that nobody was told of: 1",
    ]


def test_news_that_waits_at_the_end_is_told_as_a_number(script: Script) -> None:
    (script.path.parent / "delay").write_text("60")

    async def scenario() -> list[Fact]:
        async with hooked(defined({}, on_change=str(script))) as told:
            for number in range(NOTICES_WAITING + 40):
                told.hooks.tell(taken(f"10.0.{number // 256}.{number % 256}"))
            await told.until(script.lines)
            await told.hooks.close(0)
        return told.facts

    (fact,) = asyncio.run(scenario())
    assert fact.kind is FactKind.FAILED
    assert fact.detail.endswith(f"changes that nobody was told of: {NOTICES_WAITING + 40}")


def test_a_vip_that_is_no_longer_defined_is_released_by_the_hook_it_had(script: Script) -> None:
    async def scenario() -> None:
        async with hooked(defined({VIP: str(script)})) as told:
            told.hooks.tell(taken())
            await told.until(lambda: told.facts)
            told.hooks.redefine(defined({}))
            told.hooks.tell(Fact(FactKind.RELEASED, vip=VIP, reason=Reason.UNDEFINED))
            await told.until(lambda: len(told.facts) == 2)

    asyncio.run(scenario())
    assert script.words() == ["take", "release"]


def test_a_vip_that_is_held_gets_its_new_hook_called(script: Script) -> None:
    async def scenario() -> None:
        async with hooked(defined({VIP: ""})) as told:
            told.hooks.tell(taken())
            told.hooks.redefine(defined({VIP: str(script), "198.18.0.102": str(script)}))
            await told.until(lambda: told.facts)
            told.hooks.redefine(defined({VIP: str(script)}))
            told.hooks.redefine(defined({VIP: ""}))
            told.hooks.tell(released())
            await asyncio.sleep(0.1)

    asyncio.run(scenario())
    assert script.words() == ["take"]


def test_what_was_adopted_is_taken_again_but_is_no_news(script: Script) -> None:
    async def scenario() -> None:
        both = defined({VIP: str(script)}, on_change=str(script))
        async with hooked(both) as told:
            told.hooks.tell(Fact(FactKind.ADOPTED, vip=VIP, reason=Reason.ADOPTED))
            await told.hooks.close(PATIENCE_SECONDS)

    asyncio.run(scenario())
    assert script.words() == ["take"]


def test_news_is_told_in_order_with_its_reason(tmp_path: Path) -> None:
    news = tmp_path / "news"
    news.write_text('#!/bin/sh\nprintf "%s|" "$@" >>$(dirname $0)/log\n')
    news.chmod(0o755)

    async def scenario() -> list[Fact]:
        async with hooked(defined({}, on_change=f"{news} x")) as told:
            told.hooks.tell(taken())
            told.hooks.tell(taken("198.18.0.102"))
            told.hooks.tell(released())
            lost = Fact(FactKind.LOST, vip=VIP, reason=Reason.LEASE_LOST)
            told.hooks.tell(lost)
            await told.hooks.close(PATIENCE_SECONDS)
        return told.facts

    assert asyncio.run(scenario()) == []
    assert (tmp_path / "log").read_text() == (
        f"x|taken|{VIP}|mta1|its owner died|"
        "x|taken|198.18.0.102|mta1|its owner died|"
        f"x|lost|{VIP}|mta1|another node holds it with the higher claim|"
        f"x|lost|{VIP}|mta1|the kernel removed it: the lease ended or a hand did it|"
    )


def test_news_that_cannot_be_told_is_a_fact_and_no_more() -> None:
    async def scenario() -> list[str]:
        async with hooked(defined({}, on_change="/bin/false")) as told:
            told.hooks.tell(taken())
            told.hooks.tell(released())
            await told.hooks.close(PATIENCE_SECONDS)
        return told.details()

    assert asyncio.run(scenario()) == [
        "on_change /bin/false taken failed: exit code 1",
        "on_change /bin/false lost failed: exit code 1",
    ]


def test_ten_thousand_vips_at_once_are_queued_and_a_few_run() -> None:
    vips = [f"10.{high}.{low}.1" for high in range(40) for low in range(256)]

    async def scenario() -> dict[str, int]:
        definitions = defined(dict.fromkeys(vips, "/bin/true"), on_change="/bin/true")
        async with hooked(definitions) as told:
            for vip in vips:
                told.hooks.tell(taken(vip))
            return told.hooks.picture()

    picture = asyncio.run(scenario())
    assert picture["running"] == AT_ONCE
    assert picture["waiting"] == len(vips) - AT_ONCE
    assert picture["notices"] == 10_000
