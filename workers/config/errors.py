"""What can go wrong where a node's configuration is applied, under one root.

Each message names the thing, the value and the way out. A step of an application that fails is no
exception for the caller: it is in the report.
"""


class ConfigError(Exception):
    """Root of every error that `workers.config` raises."""


class StateError(ConfigError):
    """The directory that holds the trees cannot be used, or is not as it was left."""
