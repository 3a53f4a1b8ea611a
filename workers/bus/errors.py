"""The root of everything the bus raises; each message names the thing and the way out."""


class BusError(Exception):
    """Something about keys, messages or brokers that the caller can put right."""
