"""Work for a thread of its own that is asked for more often than it can be done.

Asked while it is under way, it is done once more; asked many times, still once. So whoever asks
waits for nothing, and nothing piles up.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connections

log = logging.getLogger("muster.configs")


class Soon:
    """Does `work` in one thread. What it raises is a line in the log, once, that begins `what`."""

    def __init__(self, what: str, work: Callable[[], None]) -> None:
        self._what = what
        self._work = work
        self._thread = ThreadPoolExecutor(1, what)
        self._lock = threading.Lock()
        self._asked = False
        self._trouble = ""

    def __call__(self) -> None:
        """See that the work is done from now on, and return at once."""
        with self._lock:
            if self._asked:
                return
            self._asked = True
        self._thread.submit(self._run)

    def close(self) -> None:
        """Wait until what was asked for is done."""
        self._thread.shutdown()

    def _run(self) -> None:
        with self._lock:
            self._asked = False
        trouble = ""
        try:
            self._work()
        except Exception as error:  # brokers, disks, databases: each raises many kinds
            trouble = str(error) or type(error).__name__
        finally:
            connections.close_all()
        if trouble and trouble != self._trouble:
            log.warning("%s: %s", self._what, trouble)
        self._trouble = trouble
