"""A context in which a fault ends nothing but what stands inside, and is told."""

from collections.abc import Callable


class Guard:
    """A context in which faults do not rise: `fail` is told of them."""

    def __init__(self, fail: Callable[[Exception], None]) -> None:
        self._fail = fail

    def __enter__(self) -> None:
        """Nothing is prepared: it can be entered again and again."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        """Tell of a fault; what ends the process by another way goes on."""
        if isinstance(error, Exception):
            self._fail(error)
            return True
        return False
