"""The filters and tests of templates: Jinja's own that suit configuration files, and a few more.

Left out of Jinja's are those that make HTML and the one that is random. A filter that would work on
the characters of a secret refuses to, since it would work on its mark.
"""

import functools
import ipaddress
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from jinja2 import filters, tests

from workers.config.core.facts import by_number
from workers.config.core.secrets import SecretUse, marked

_JINJA_FILTERS: Mapping[str, Any] = filters.FILTERS
_JINJA_TESTS: Mapping[str, Any] = tests.TESTS
_LEFT_OUT = {
    *("e", "escape", "forceescape", "safe", "striptags", "urlize", "xmlattr", "pprint", "random"),
}
_HARMLESS = {
    *("d", "default", "join", "indent", "string", "list", "first", "last", "length", "count"),
    *("map", "select", "reject", "selectattr", "rejectattr", "attr", "items", "batch", "slice"),
}
"""These leave text as it is, or only put some around it."""


class FilterUse(ValueError):
    """A filter got what it cannot work on."""


def ipv4(values: object) -> list[Any]:
    """Of addresses, or of things with an `address` such as `vips`, those of IPv4."""
    return _of_version(values, 4, "ipv4")


def ipv6(values: object) -> list[Any]:
    """Of addresses, or of things with an `address` such as `vips`, those of IPv6."""
    return _of_version(values, 6, "ipv6")


def sort_addresses(values: object) -> list[Any]:
    """Addresses, or things with an `address`, by IP version and number."""
    return sorted(
        _several(values, "sort_addresses"),
        key=lambda value: by_number(_text(value, "sort_addresses")),
    )


def brackets(value: object) -> str:
    """An IPv6 address as mail software writes it, `[2001:db8::1]`; an IPv4 address as it is."""
    text = _text(value, "brackets")
    return f"[{text}]" if _version(text, "brackets") == 6 else text


def tojson(value: object, indent: int | None = None) -> str:
    """JSON in UTF-8, which suits TOML and most other languages' strings too."""
    plain = msgspec.to_builtins(value, enc_hook=_no_json)
    text = json.dumps(plain, ensure_ascii=False, indent=indent)
    if marked(text):
        raise SecretUse("a secret cannot go through the filter tojson; write it between quotes")
    return text


def is_ipv4(value: object) -> bool:
    """Whether an address, or what has one, is of IPv4."""
    return _version(_text(value, "ipv4"), "ipv4") == 4


def is_ipv6(value: object) -> bool:
    """Whether an address, or what has one, is of IPv6."""
    return _version(_text(value, "ipv6"), "ipv6") == 6


def _no_json(value: object) -> object:
    if marked(value):
        raise SecretUse("a secret cannot go through the filter tojson; write it between quotes")
    raise FilterUse(
        f"tojson cannot write a {type(value).__name__}; it writes texts, numbers, lists"
    )


def _of_version(values: object, version: int, name: str) -> list[Any]:
    return [one for one in _several(values, name) if _version(_text(one, name), name) == version]


def _several(values: object, name: str) -> Iterable[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        what = type(values).__name__
        raise FilterUse(f"{name} works on a list, not on a {what}; ask `is {name}` of one address")
    return values


def _text(value: object, name: str) -> str:
    text = value if isinstance(value, str) else getattr(value, "address", None)
    if not isinstance(text, str):
        raise FilterUse(f"{name} works on addresses and on what has an address")
    return text


def _version(text: str, name: str) -> int:
    try:
        return ipaddress.ip_address(text).version
    except ValueError:
        raise FilterUse(f"{name} got {text[:60]!r}, which is no IP address") from None


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same filter; it refuses the mark of a secret."""

    @functools.wraps(function)
    def guarded(*arguments: Any, **options: Any) -> Any:
        if any(marked(one) for one in (*arguments, *options.values())):
            raise SecretUse(f"a secret cannot go through the filter {name}; write it as it is")
        return function(*arguments, **options)

    return guarded


_OWN: dict[str, Callable[..., Any]] = {
    "ipv4": ipv4,
    "ipv6": ipv6,
    "sort_addresses": sort_addresses,
    "brackets": brackets,
    "tojson": tojson,
}
FILTERS: Mapping[str, Callable[..., Any]] = {
    name: function if name in _HARMLESS else _guarded(name, function)
    for name, function in {**_JINJA_FILTERS, **_OWN}.items()
    if name not in _LEFT_OUT
}
TESTS: Mapping[str, Callable[..., Any]] = {**_JINJA_TESTS, "ipv4": is_ipv4, "ipv6": is_ipv6}
