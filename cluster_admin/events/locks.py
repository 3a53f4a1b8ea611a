"""A lock in the database for work that one manager at a time is to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

from django.db import connection


@contextmanager
def only_one(work: str) -> Iterator[bool]:
    """Whether `work` is ours to do now; False while another manager does it.

    SQLite serves one host, whose beat starts one at a time.
    """
    if connection.vendor != "postgresql":
        yield True
        return
    key = [crc32(work.encode())]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", key)
        ours = bool(cursor.fetchone()[0])
    try:
        yield ours
    finally:
        if ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", key)
