"""Collected logs found again: with an index and without, compressed, after deaths, in order."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zstandard

from workers.logs import reading
from workers.logs.core import sidecar
from workers.logs.core.sidecar import BLOCK_BYTES
from workers.logs.index import Index, place_of

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = "%Y/%m/%d/%{{l}}/%{{s}}/%{{n}}"
MESSAGES = 6_000
KILLS = 10
CHILD = """
import sys
from pathlib import Path
from tests.integration.test_log_index import feed
feed(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def message(node: str, number: int, name: str = "") -> str:
    """All lines of one message, a second after the one before; the second node gets the first's."""
    hour, rest = divmod(number, 3_600)
    at = f"Nov 29 {hour:02}:{rest // 60:02}:{rest % 60:02} {node} postfix"
    queue_id = name or f"{node[-1]}{number:09X}"
    return (
        f"{at}/smtpd[1]: {queue_id}: client=c[198.18.0.1]\n"
        f"{at}/cleanup[1]: {queue_id}: message-id=<m{number}@example.net>\n"
        f"{at}/smtp[1]: {queue_id}: to=<u{number}@example.org>, relay=x[198.18.0.2]:25, delay=1,"
        f" delays=0/0/0/1, dsn=2.0.0, status=sent (ok)\n"
        f"{at}/qmgr[1]: {queue_id}: removed\n"
    )


def path_of(directory: Path, node: str) -> Path:
    """Where a collector with `TEMPLATE` puts the mail log of a node."""
    path = directory / "2026/11/29/mail/east" / node
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def template(directory: Path) -> str:
    return f"{directory}/{TEMPLATE.format()}"


def fill(directory: Path) -> list[Path]:
    """The mail logs of two nodes."""
    paths = [path_of(directory, node) for node in ("n1", "n2")]
    for path in paths:
        path.write_text("".join(message(path.name, one) for one in range(MESSAGES)))
        os.utime(path, (1_796_000_000, 1_796_000_000))
    return paths


def feed(source: Path, place: Path) -> None:
    """Write a file on, as a collector does, and its index; ends when all is there."""
    text, path, index = source.read_bytes(), place / "log", Index(place / "index")
    index.catch_up([str(path)] if path.exists() else [])
    print("goes on", flush=True)
    with path.open("ab", buffering=0) as file:
        at = file.tell()
        while at < len(text):
            data = text[at : at + 40_000]
            file.write(data)
            index.add(str(path), at, data)
            at += len(data)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    fill(tmp_path / "logs")
    return tmp_path / "logs"


def texts(lines: list[reading.Line]) -> list[tuple[str, str]]:
    return [(line.node, line.text.partition("]: ")[2]) for line in lines]


def test_files_are_found_by_node_subcluster_log_and_age(logs: Path) -> None:
    found = reading.files(template(logs))

    assert [(one.node, one.subcluster, one.log) for one in found] == [
        ("n1", "east", "mail"),
        ("n2", "east", "mail"),
    ]
    assert [one.node for one in reading.files(template(logs), node="n2")] == ["n2"]
    assert reading.files(template(logs), subcluster="west") == []
    assert reading.files(template(logs), log="web") == []
    assert reading.files(template(logs), since=1_797_000_000) == []
    assert reading.files(f"{logs}/nowhere/%{{l}}/%{{n}}") == []


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("compressed", [True, False])
def test_a_message_is_traced_over_nodes(
    logs: Path, tmp_path: Path, indexed: bool, compressed: bool
) -> None:
    index = Index(tmp_path / "index")
    for path in map(Path, [one.path for one in reading.files(template(logs))]):
        index.catch_up([str(path)])
        if compressed:
            index.finish(str(path))
            path.with_name(f"{path.name}.zst").write_bytes(
                zstandard.ZstdCompressor().compress(path.read_bytes())
            )
            path.unlink()
    found = reading.files(template(logs))

    for key in ("10000013BA", "<M5050@example.net>", "u5050@example.org"):
        lines = reading.trace(found, key, index=tmp_path / "index" if indexed else None)

        assert [(one.node, one.text.split("]: ")[1].split(":")[0]) for one in lines] == [
            *(("n1", "10000013BA") for _ in range(4)),
            *(("n2", "20000013BA") for _ in range(4)),
        ]
    assert reading.trace(found, "20000013BB0", index=tmp_path / "index") == []


def test_an_address_with_very_many_messages_is_told_up_to_a_limit(
    logs: Path, tmp_path: Path
) -> None:
    for path in map(Path, [one.path for one in reading.files(template(logs))]):
        path.write_bytes(re.sub(rb"to=<u\d+@", b"to=<all@", path.read_bytes()))

    lines = reading.trace(reading.files(template(logs)), "all@example.org", limit=100)

    assert len(lines) == 100
    assert [line.moment for line in lines] == sorted(line.moment or 0.0 for line in lines)
    assert all("all@example.org" in one.text for one in lines if "/smtp[" in one.text)


def test_lines_that_came_after_the_last_block_are_found_too(logs: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    paths = [one.path for one in reading.files(template(logs))]
    index.catch_up(paths)
    with open(paths[0], "a") as file:
        file.write(message("n1", 7_000, "ABCDEF01"))

    found = reading.trace(reading.files(template(logs)), "ABCDEF01", index=tmp_path / "index")

    assert len(found) == 4


def test_another_file_of_the_same_name_is_not_read_by_the_old_index(
    logs: Path, tmp_path: Path
) -> None:
    index = Index(tmp_path / "index")
    path = path_of(logs, "n1")
    index.catch_up([str(path)])
    data = "".join(message("n1", one + 1, f"EEE{one:06X}") for one in range(MESSAGES)).encode()
    path.unlink()
    path.write_bytes(data)
    found = reading.files(template(logs), node="n1")

    for _ in range(2):
        assert len(reading.trace(found, "EEE000100", index=tmp_path / "index")) == 4
        index.add(str(path), 0, data)
    assert sidecar.read(place_of(tmp_path / "index", str(path)).read_bytes(), len(data)).end


def test_a_sidecar_goes_with_its_file(logs: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    one, two = map(str, fill(logs))
    index.catch_up([one, two])
    Path(two).unlink()

    assert index.prune() == 1
    assert place_of(tmp_path / "index", one).exists()
    index.forget([one])
    assert list((tmp_path / "index").rglob("*.index")) == []


def test_an_index_that_cannot_be_written_stops_nothing(logs: Path, tmp_path: Path) -> None:
    (tmp_path / "index").write_text("no directory")
    index = Index(tmp_path / "index")
    path = path_of(logs, "n1")

    index.add(str(path), 0, path.read_bytes())
    index.catch_up([str(path)])

    (tmp_path / "index").unlink()
    index.add(str(path), path.stat().st_size, b"")
    assert place_of(tmp_path / "index", str(path)).stat().st_size > BLOCK_BYTES // 1_000


def test_deaths_leave_an_index_that_is_whole_again(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    source = tmp_path / "source"
    source.write_text("".join(message("n1", one) for one in range(4 * MESSAGES)))
    command = [sys.executable, "-c", CHILD, str(source), str(tmp_path)]

    for _ in range(KILLS):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(chance.uniform(0, 0.02))
            child.send_signal(signal.SIGKILL)
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    path = tmp_path / "log"
    assert path.read_bytes() == source.read_bytes()
    place = place_of(tmp_path / "index", str(path))
    known = sidecar.read(place.read_bytes(), path.stat().st_size)
    assert known.size == place.stat().st_size
    assert path.stat().st_size - known.end < BLOCK_BYTES
    again = Index(tmp_path / "again")
    again.catch_up([str(path)])
    made = place_of(tmp_path / "again", str(path)).read_bytes()
    assert sidecar.read(made, path.stat().st_size).starts == known.starts
    assert len(made) == known.size


def test_search_is_in_time_order_over_nodes(logs: Path) -> None:
    found = reading.files(template(logs))

    lines = list(reading.search(found, r"message-id=<m50[0-9]\d@", limit=50))

    moments = [line.moment or 0.0 for line in lines]
    assert len(lines) == 50
    assert moments == sorted(moments)
    assert [line.node for line in lines[:4]] == ["n1", "n2", "n1", "n2"]
    start = moments[10]
    some = reading.search(found, "message-id", since=start, until=start + 3, limit=100)
    assert len(list(some)) == 6


def test_an_expression_that_never_ends_costs_only_its_answer(logs: Path) -> None:
    found = reading.files(template(logs), node="n1")

    with pytest.raises(TimeoutError, match="narrow the time"):
        list(reading.search(found, r"((\w|[^,])+)+$x", seconds=2.0))


def test_what_is_no_expression_is_refused_at_once(logs: Path) -> None:
    with pytest.raises(reading.PatternError, match="no regular expression"):
        reading.search(reading.files(template(logs)), "(")
