"""What finding costs in logs that were collected: index, trace and search, timed.

The logs are `bench.mail_days`', the index is made as a collector makes it. A trace may take any of
several ids: the slowest counts. Searches are over a gigabyte, all answers taken.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import mail_days
from bench.errors import BenchError
from bench.report import Row, row
from workers.logs import reading
from workers.logs.index import Index

GIGABYTE = 1e9
WITHOUT_PREFIX = r"\b[45]\d\d\d\d\d\b"
WITH_PREFIX = r"status=deferred \(host mx\d{1,3}\.example"
SEARCHES = {
    "search-1gb.seconds": (WITHOUT_PREFIX, 5.0),
    "search-1gb-prefix.seconds": (WITH_PREFIX, 3.0),
}
TRACE_ROW, TRACE_SECONDS = "trace-10gb.seconds", 2.0
INDEX_ROWS = ("index.percent_of_log_size", "index.cpu_per_gb")
ROWS = (*SEARCHES, TRACE_ROW, *INDEX_ROWS)


def rows(size: int) -> Iterator[Row]:
    """All of them, over `size` bytes of logs; raises `BenchError` when a message is not found."""
    with TemporaryDirectory(prefix="muster-bench-") as place:
        days = mail_days.write(Path(place) / "collected", size)
        first = reading.files(days.first)
        for name, (pattern, bound) in SEARCHES.items():
            yield row(name, [_searched(first, pattern)], "s", bound)
        index = Path(place) / "index"
        found = reading.files(days.template)
        yield from _indexed(found, index, days.size)
        traced = [_traced(found, key, index) for key in days.keys]
        yield row(TRACE_ROW, traced, "s", TRACE_SECONDS, max)


def _indexed(found: list[reading.LogFile], index: Path, size: int) -> Iterator[Row]:
    before = time.process_time()
    Index(index).catch_up(one.path for one in found)
    spent = time.process_time() - before
    sidecars = sum(one.stat().st_size for one in index.rglob("*.index"))
    yield row(INDEX_ROWS[0], [round(100 * sidecars / size, 4)], "%", None, reported=True)
    yield row(INDEX_ROWS[1], [round(spent / size * GIGABYTE, 4)], "s", None, reported=True)


def _traced(found: list[reading.LogFile], key: str, index: Path) -> float:
    before = time.perf_counter()
    lines = reading.trace(found, key, index=index)
    after = time.perf_counter()
    if len({line.node for line in lines}) != 2:
        raise BenchError(f"{key} went over two nodes, and the trace says {len(lines)} lines")
    return round(after - before, 4)


def _searched(found: list[reading.LogFile], pattern: str) -> float:
    before = time.perf_counter()
    for _line in reading.search(found, pattern, limit=1_000_000_000):
        pass
    return round(time.perf_counter() - before, 4)
