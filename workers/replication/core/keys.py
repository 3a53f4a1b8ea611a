"""Keys of tables as bytes: addresses in 4 or 16, networks in 5 or 17, any other text as it is.

Invariant: equal addresses have one spelling, and no text is taken for an address: in a table of
addresses a text begins with a byte that no text has. Texts of any kind and length are taken; a
long one is cut and carries a hash of the whole. An IPv4 address in IPv6's clothes is IPv4.
"""

import hashlib
import ipaddress
import struct

KEY_BYTES = 512
"""Longer ones are cut to this, hash included."""

ADDRESS_LENGTHS = frozenset({4, 5, 16, 17})
_MARK = b"\xff"
_GROUPS = struct.Struct(">8H")
_GROUPS_TEXT = ":".join(["{:x}"] * 8).format


def packed(text: str, by_address: bool) -> bytes:
    """Return the bytes of `text`, as a key of a table by address or of another one."""
    if by_address:
        found = _address(text)
        if found is not None:
            return found
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > KEY_BYTES:
        raw = (
            raw[: KEY_BYTES - 33] + b"~" + hashlib.blake2b(raw, digest_size=16).hexdigest().encode()
        )
    if by_address:
        raw = _MARK + raw
        while len(raw) in ADDRESS_LENGTHS:
            raw += _MARK
    return raw


def unpacked(key: bytes, by_address: bool) -> str:
    """Return the text of a key; an address in its shortest spelling."""
    if by_address:
        size = len(key)
        if size == 4:
            return ".".join(map(str, key))
        if size == 16:
            return _v6_text(key)
        if size in ADDRESS_LENGTHS:
            return f"{unpacked(key[:-1], True)}/{key[-1]}"
        key = key.strip(_MARK)
    return key.decode("utf-8", "replace")


def is_address(key: bytes) -> bool:
    """Whether a key of a table by address is an address or a network."""
    return len(key) in ADDRESS_LENGTHS


def is_sound(key: bytes, by_address: bool) -> bool:
    """Whether a key that somebody sent may stand in a table."""
    if by_address and len(key) in (5, 17):
        return key[-1] <= 8 * (len(key) - 1)
    return len(key) <= KEY_BYTES + 8


def _address(text: str) -> bytes | None:
    quick = _v4(text) if ":" not in text else _v6(text)
    if quick is not None:
        return quick
    if "%" in text or len(text) > 64:
        return None
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    whole, length = network.network_address.packed, network.prefixlen
    if length >= 96 and whole.startswith(b"\0" * 10 + b"\xff\xff"):
        whole, length = whole[12:], length - 96
    return whole if length == 8 * len(whole) else whole + bytes([length])


def _v4(text: str) -> bytes | None:
    try:
        found = bytes(map(int, text.split(".")))
    except ValueError:
        return None
    return found if len(found) == 4 and ".".join(map(str, found)) == text else None


def _v6(text: str) -> bytes | None:
    """The address in its shortest spelling, quickly; None for what needs a closer look."""
    head, gap, tail = text.partition("::")
    groups = head.split(":") if head else []
    after = tail.split(":") if tail else []
    missing = 8 - len(groups) - len(after)
    if missing < 0 or (missing and not gap):
        return None
    try:
        found = _GROUPS.pack(*[int(one, 16) for one in (*groups, *("0",) * missing, *after)])
    except (ValueError, struct.error):
        return None
    if found.startswith(b"\0" * 10 + b"\xff\xff"):
        return None
    return found if _v6_text(found) == text else None


def _v6_text(key: bytes) -> str:
    if b"\0\0\0" in key:
        return ipaddress.IPv6Address(key).compressed
    return _GROUPS_TEXT(*_GROUPS.unpack(key))
