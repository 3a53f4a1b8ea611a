"""How a bring-up goes: a spinner with the newest sentence on a terminal, else plain lines."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Answer a function that shows a sentence, on stderr."""
    console = Console(stderr=True)
    started = time.monotonic()

    def stamped(sentence: str) -> str:
        return f"{time.monotonic() - started:5.1f} s  {sentence}"

    def say(sentence: str) -> None:
        console.print(stamped(sentence), markup=False, highlight=False, soft_wrap=True)

    if not console.is_terminal:
        yield say
        return
    with console.status("starting") as status:
        lasting = ("all green", "hosts on", "clearing")

        def tell(sentence: str) -> None:
            if any(word in sentence for word in lasting):
                say(sentence)
            else:
                status.update(stamped(sentence))

        yield tell
