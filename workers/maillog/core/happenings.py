"""What a mail server's log says happened to which message, as values.

One line tells at most one thing. Texts are as the log has them: a name, an address or a reply may
be whatever a stranger sent. What a line does not tell is empty, or 0.
"""

from enum import Enum

import msgspec


class Kind(Enum):
    """What happened; the value is the word shown to people."""

    CONNECTED = "connected"
    """A client came in."""
    DISCONNECTED = "disconnected"
    LOST = "lost"
    """A client went without a goodbye, or was silent for too long."""
    ACCEPTED = "accepted"
    """A message came from a client; it has a queue id from here on."""
    SUBMITTED = "submitted"
    """A message came from a user of the host itself."""
    IDENTIFIED = "identified"
    """The message says its Message-ID."""
    QUEUED = "queued"
    """It is tried now: once when it came, and at every retry."""
    REJECTED = "rejected"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    """One recipient could not be reached now; it is tried again."""
    BOUNCED = "bounced"
    """One recipient cannot be reached; nothing is tried again."""
    EXPIRED = "expired"
    """The message was in the queue for too long; its sender is told."""
    NOTIFIED = "notified"
    """The sender is told by another message."""
    UNREACHED = "unreached"
    """A server could not be connected to."""
    REMOVED = "removed"
    """The message has left the queue."""


class Happening(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing that happened. A msgspec Struct, since there are millions of them."""

    kind: Kind
    at: str
    """The time as the log has it: see `moments`."""
    host: str = ""
    """The server's name; empty where the log has none (Exim's)."""
    binding: str = ""
    """What the sending or receiving service is called: `bulk` of `postfix/bulk/smtp`."""
    queue_id: str = ""
    client: str = ""
    """The name of who came in; `unknown` when it has none."""
    address: str = ""
    """The address of who came in."""
    user: str = ""
    """Who logged in to send."""
    sender: str = ""
    """Empty for a bounce's, too."""
    recipient: str = ""
    relay: str = ""
    """The name of the server that it was, or was to be, handed to."""
    relay_address: str = ""
    dsn: str = ""
    """As 4.7.1."""
    reply: str = ""
    """The other server's words, or this one's to a client."""
    delay: float = 0.0
    """Seconds from the message's arrival to this."""
    size: int = 0
    """Bytes."""
    message_id: str = ""
    other_id: str = ""
    """The queue id of the message that tells the sender."""

    @property
    def domain(self) -> str:
        """The recipient's domain, in lower case."""
        return self.recipient.rpartition("@")[2].lower() if "@" in self.recipient else ""
