"""What the bench raises: a message names the thing, the value and the way out."""


class BenchError(Exception):
    """The bench could not measure."""
