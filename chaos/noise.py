"""The machine's own noise, so that it is not taken for the cluster's.

A metronome wakes every few milliseconds at ordinary priority, as an agent does: what it was late is
when the machine kept everybody waiting.
"""

import threading
import time

BEAT_SECONDS = 0.005
LATE_SECONDS = 0.010


class Metronome:
    """Beats until stopped; `stalls`: (from, until) in monotonic seconds."""

    def __init__(self) -> None:
        self.stalls: list[tuple[float, float]] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="metronome", daemon=True)

    def __enter__(self) -> "Metronome":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stopped.is_set():
            due = time.monotonic() + BEAT_SECONDS
            time.sleep(BEAT_SECONDS)
            now = time.monotonic()
            if now - due > LATE_SECONDS:
                self.stalls.append((due, now))
