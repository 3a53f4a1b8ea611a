"""How a process with a million keys collects garbage: in small steps, none of which holds its loop.

Python's own way looks at what is new once there is more of it than before, and keeps no account of
what takes the place of something older: then it finds all of it at once, and stops for 30 ms. What
was there at the beginning, and what stayed for a second, is in no cycles, and is left alone.
"""

import asyncio
import gc

STEP_SECONDS = 0.02
STEPS = 50
"""So many looks at the newest for one at what they left."""


async def collect_in_steps() -> None:
    """Collect until it is cancelled; then Python does as usual."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        while True:
            for step in range(STEPS):
                await asyncio.sleep(STEP_SECONDS)
                gc.collect(1 if step == 0 else 0)
    finally:
        gc.enable()
