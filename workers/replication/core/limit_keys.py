"""What a limit counts apart: the key in its table, made of what a client says. Pure.

Clients say text of any kind. Where an address is wanted and none is said, or nothing is said at
all, there is no key, and the limit does not apply. The same thing always has the same key:
addresses in their shortest form, domains and users in lower case. A key is printable and bounded,
whatever was said: what is too long ends in its hash, so that length is no way around a limit.
"""

import hashlib
import ipaddress
from functools import lru_cache

from workers.replication.core.definitions import KEY_CHARACTERS, Limit, Per

EVERYONE = "*"
"""The key of what is counted as a whole."""
ADDRESS_CHARACTERS = 80
"""With an interface behind it; what is longer is no address."""
MOST_CHARACTERS = KEY_CHARACTERS // 2
"""Of what was said; the name of the limit stands before it in a table."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address_of(text: str) -> Address | None:
    """Return the address that a text is; an IPv4 address written as IPv6 is the IPv4 address."""
    return _address_of(text) if len(text) <= ADDRESS_CHARACTERS else None


@lru_cache(16_384)
def _address_of(text: str) -> Address | None:
    text = text.partition("%")[0].removeprefix("[").removesuffix("]")
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


@lru_cache(16_384)
def network_of(text: str) -> Network | None:
    """Return the network, or the single address, that a text is."""
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return found


def domain_of(text: str) -> str:
    """Return the domain of a mail address, or of a host, in lower case."""
    return text.rpartition("@")[2].rstrip(".").lower()


def key_of(limit: Limit, text: str) -> str | None:
    """Return under which key `limit` counts whoever said `text`, or None if it does not apply."""
    if limit.per is Per.GLOBAL:
        return EVERYONE
    key = _key(limit, text)
    if not key or not is_match(limit.match, limit.per, text):
        return None
    return bounded(key)


def bounded(key: str) -> str:
    """Return a key that is printable and not long, and another one for another key."""
    if not key.isprintable():
        key = key.encode("unicode_escape").decode("ascii")
    if len(key) <= MOST_CHARACTERS:
        return key
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{key[: MOST_CHARACTERS - len(digest) - 1]}~{digest}"


def _key(limit: Limit, text: str) -> str | None:
    if limit.per in (Per.ADDRESS, Per.NETWORK):
        address = address_of(text)
        if address is None:
            return None
        if limit.per is Per.ADDRESS:
            return str(address)
        prefix = limit.prefix_v4 if address.version == 4 else limit.prefix_v6
        return str(ipaddress.ip_network((address, prefix), strict=False))
    if limit.per in (Per.SENDER_DOMAIN, Per.RECIPIENT_DOMAIN):
        return domain_of(text) if "@" in text else None
    if limit.per in (Per.DOMAIN, Per.HOST):
        return domain_of(text)
    return text.lower()


def is_match(match: str, per: Per, text: str) -> bool:
    """Whether `text` is what `match` means: all, the same, within a CIDR, or below a domain."""
    if not match:
        return True
    if per in (Per.ADDRESS, Per.NETWORK):
        network, address = network_of(match), address_of(text)
        return network is not None and address is not None and address in network
    match, text = match.lower(), text.lower()
    if match.startswith("."):
        domain = domain_of(text)
        return domain.endswith(match) or domain == match[1:]
    return match in (text, domain_of(text))
