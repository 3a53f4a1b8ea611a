"""What the addresses below `config/` share: who may, and refusals as problems.

Permissions go by the paths that are read or written (`scope`): a view asks at the door whether the
user has the role anywhere, and here whether they have it where the files are.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rest_framework.request import Request

from cluster_admin.accounts.services import EVERY, allowed
from cluster_admin.configs import scope
from cluster_admin.configs.conflicts import HistoriesDifferError
from cluster_admin.configs.refusals import DeniedError, Refused, UnknownNodeError
from cluster_admin.inventory.models import Node
from cluster_admin.inventory.refusals import Refused as NotMade
from cluster_admin.rest.problems import Code, Problem, cut, invalid
from cluster_admin.rest.views import Place, View
from workers.config.errors import ConfigError
from workers.repository.core.paths import GLOBAL
from workers.repository.errors import (
    ConflictError,
    NothingChangedError,
    RefusedError,
    RepositoryError,
    TextError,
    UnknownPathError,
    UnknownRevisionError,
)

NUMBER_MAX = 10**15
SIDES_BYTES = 4 * 1024 * 1024
"""Of all contents in a conflict; files beyond are named without."""
PROBLEMS_MAX = 200


class Configuration(View):
    """What is about the configuration; `place` of a path is the subcluster it is of."""

    kind = "configuration"
    within = "subcluster"
    write_role = "operator"
    names_others = True

    def object_of(self) -> str:
        """What the URL names."""
        return ", ".join(str(one) for one in self.kwargs.values())

    def check_read(self, request: Request, path: str) -> None:
        """Raise `forbidden` unless the user may read what is there; any reader reads `global`."""
        if scope.top_of(path) != GLOBAL:
            self.check_object_permissions(request, Place(scope.top_of(path)))

    def check_writes(self, request: Request, paths: Iterable[str]) -> None:
        """Raise `forbidden` unless the user may write all of these; it names what they may read."""
        readable = scope.reader(request.user)
        for path in sorted(paths):
            role, place = scope.needed(path)
            self.place = place
            if not allowed(request.user, role, place):
                where = "every subcluster" if place == EVERY else f"subcluster {cut(place, 63)}"
                what = cut(path, 200) if readable(path) else "a file there"
                sentence = f"writing {what} needs the role {role.value} of {where}"
                raise Problem(Code.FORBIDDEN, f"{sentence}; ask an administrator")

    def node(self, request: Request, name: str) -> Node:
        """The node of that name, if the user may do there what they ask."""
        row = Node.objects.select_related("subcluster").filter(name=name).first()
        if row is None:
            raise Problem(Code.NOT_FOUND, f"there is no node {cut(name, 63)}")
        self.check_object_permissions(request, row)
        return row


def whole(request: Request, name: str, usual: int | None = None, least: int = 0) -> int | None:
    """A number of the query; raises the problem of what is none."""
    told = request.query_params.get(name)
    if told is None:
        return usual
    number = int(told) if told.isascii() and told.isdigit() and len(told) < 16 else -1
    if number < least:
        raise invalid(**{name: f"is {cut(told, 20)!r}; write a whole number from {least} on"})
    return number


@contextmanager
def refusals() -> Iterator[None]:
    """Tell what the repository and the services refuse as problems."""
    try:
        yield
    except UnknownNodeError as error:
        raise Problem(Code.NOT_FOUND, str(error)) from error
    except DeniedError as error:
        raise Problem(Code.FORBIDDEN, str(error)) from error
    except NotMade as error:
        raise Problem(Code.REFUSED, error.sentence) from error
    except (RepositoryError, ConfigError, Refused) as error:
        raise problem_of(error) from error


def problem_of(error: RepositoryError | ConfigError | Refused) -> Problem:
    """What an error means for a client."""
    sentence = str(error)
    if isinstance(error, ConflictError):
        members = {"base": error.base, "head": error.head, "paths": _conflicts(error)}
        return Problem(Code.CONFLICT, sentence, members=members)
    if isinstance(error, RefusedError):
        found = [(one.path, 0, "", one.sentence()) for one in error.problems]
        return unfit(sentence, found)
    if isinstance(error, Refused):
        return unfit(sentence, error.problems)
    if isinstance(error, NothingChangedError | HistoriesDifferError):
        return Problem(Code.REFUSED, sentence)
    if isinstance(error, UnknownRevisionError | UnknownPathError):
        return Problem(Code.NOT_FOUND, sentence)
    if isinstance(error, TextError):
        return Problem(Code.INVALID, sentence)
    return Problem(Code.UNAVAILABLE, sentence)


def unfit(sentence: str, found: Iterable[tuple[str, int, str, str]]) -> Problem:
    """The problem of what cannot be, each reason with (path, line, node, sentence)."""
    every = list(found)
    names = ("path", "line", "node", "sentence")
    members: dict[str, Any] = {
        "problems": [dict(zip(names, one, strict=True)) for one in every[:PROBLEMS_MAX]]
    }
    if len(every) > PROBLEMS_MAX:
        members["more"] = len(every) - PROBLEMS_MAX
    return Problem(Code.UNFIT, sentence, members=members)


def content(data: bytes) -> dict[str, Any]:
    """The content of a file in JSON: `text`, or `base64` for what is none; and its `size`."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return {"base64": base64.b64encode(data).decode(), "size": len(data)}
    return {"text": text, "size": len(data)}


def _conflicts(error: ConflictError) -> Mapping[str, Any]:
    """Path -> its three sides, None where there is no file; contents within bounds."""
    found: dict[str, Any] = {}
    room = SIDES_BYTES
    for path, sides in error.paths.items():
        contents = {"base": sides.base, "ours": sides.ours, "theirs": sides.theirs}
        size = sum(len(one or b"") for one in contents.values())
        room -= size
        found[path] = {
            name: None if one is None else content(one) if room >= 0 else {"size": len(one)}
            for name, one in contents.items()
        }
    return found
