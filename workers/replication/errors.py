"""What can go wrong with sharing and limiting on a node."""


class ReplicationError(Exception):
    """Something that the operator can put right; the message says how."""
