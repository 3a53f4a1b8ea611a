"""What chaos raises: one root; a message says what stopped it and the way out."""


class ChaosError(Exception):
    """Chaos cannot go on: the lab, not the cluster, is at fault."""
