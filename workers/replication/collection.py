"""How a process with a million keys collects garbage: seldom, since each look at all stops its loop.

Keys and counts are in no cycles; those of a lost connection are, and are found while young.
"""

import gc

YOUNG_OBJECTS, MIDDLE, OLD = 2_000, 5, 100_000
"""New objects for a look at the young, such looks for one at the middle-aged, those for one at all:
a second of processor at a million keys, which 400 million objects pay for."""


def spare_the_loop() -> None:
    """Leave what is there now alone for good, and look at the rest seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, MIDDLE, OLD)
