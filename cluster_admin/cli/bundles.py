"""Options that many commands share, as dataclasses: a command asks for a bundle by type.

`add` turns a handler such as `def show(call: Call, view: Showing, name: Name)` into a Typer
command: bundles become their options, complaints become a sentence on stderr and an exit code.
What the options mean is decided where they are used.
"""

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, get_type_hints

import typer

from cluster_admin.cli import completing
from cluster_admin.cli.errors import Complaint
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import Output, tell
from cluster_admin.cli.surroundings import Surroundings
from cluster_admin.cli.watch_option import WatchCommand

INTERRUPTED = 130
_CALL = "Which manager"
_SHAPE = "Output"
_CHANGE = "Change"

Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        help="A profile made by muster login. (env MUSTER_PROFILE)",
        autocompletion=completing.profiles,
        rich_help_panel=_CALL,
    ),
]
Url = Annotated[
    str | None,
    typer.Option("--url", help="The manager's address. (env MUSTER_URL)", rich_help_panel=_CALL),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        help="A token; others see it in the process list, so prefer the environment or a profile."
        " (env MUSTER_TOKEN)",
        rich_help_panel=_CALL,
    ),
]
Shape = Annotated[
    Output,
    typer.Option("--output", "-o", help="Shape of the data on stdout.", rich_help_panel=_SHAPE),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns", metavar="A,B", help="These columns, in this order.", rich_help_panel=_SHAPE
    ),
]
Watch = Annotated[
    float | None,
    typer.Option(
        "--watch",
        metavar="[SECONDS]",
        min=0.1,
        max=86400,
        help="Look again every 2 seconds (or SECONDS) until Ctrl-C; "
        "without a terminal each change is printed.",
        rich_help_panel=_SHAPE,
    ),
]
Filters = Annotated[
    list[str],
    typer.Option(
        "--filter",
        metavar="KEY=VALUE",
        help="Only what matches; may be repeated.",
        rich_help_panel=_SHAPE,
    ),
]
Limit = Annotated[
    int,
    typer.Option("--limit", min=0, help="At most so many rows; 0: all.", rich_help_panel=_SHAPE),
]
Sort = Annotated[
    str | None,
    typer.Option(
        "--sort", metavar="FIELD", help="Order; -FIELD: downwards.", rich_help_panel=_SHAPE
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Change nothing; print the diff running -> proposed. Exit code 10: there is one.",
        rich_help_panel=_CHANGE,
    ),
]
Reason = Annotated[
    str,
    typer.Option(
        "--reason", metavar="TEXT", help="Why; kept in the audit.", rich_help_panel=_CHANGE
    ),
]
Yes = Annotated[
    bool,
    typer.Option(
        "--yes",
        "-y",
        help="Do not ask where it would.",
        rich_help_panel=_CHANGE,
    ),
]
Wait = Annotated[
    bool | None,
    typer.Option(
        "--wait/--no-wait",
        help="Wait until the nodes have done it. Unset: wait if a node of the subcluster lives.",
        rich_help_panel=_CHANGE,
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        min=0,
        max=86400,
        help="Longest wait; then exit code 6, with what is still missing.",
        rich_help_panel=_CHANGE,
    ),
]


@dataclasses.dataclass(frozen=True, slots=True)
class Connecting:
    """Which manager, and as whom."""

    profile: Profile = None
    url: Url = None
    token: Token = None


@dataclasses.dataclass(frozen=True, slots=True)
class Printing:
    """The shape of a result."""

    output: Shape = Output.TABLE
    columns: Columns = None


@dataclasses.dataclass(frozen=True, slots=True)
class Showing(Printing):
    """How one object is shown."""

    watch: Watch = None


@dataclasses.dataclass(frozen=True, slots=True)
class Listing(Showing):
    """How a list is shown, and which part of it."""

    filters: Filters = dataclasses.field(default_factory=list)
    sort: Sort = None
    limit: Limit = 20_000


@dataclasses.dataclass(frozen=True, slots=True)
class Recalling(Listing):
    """A list of what happened, newest first: the last hundred are mostly enough."""

    limit: Limit = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Changing(Printing):
    """How a change is made."""

    dry_run: DryRun = False
    yes: Yes = False
    reason: Reason = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Defining(Changing):
    """How a change of the definitions is made, which the nodes have to take up."""

    wait: Wait = None
    timeout: Timeout = 30


def add(
    app: typer.Typer, name: str, *, examples: Sequence[str], panel: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a handler: register it as command `name`; the examples are part of its help."""

    def register(handler: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(handler, include_extras=True)
        hints.pop("return", None)
        own = inspect.signature(handler).parameters
        parameters = [p for name, hint in hints.items() for p in _expanded(own[name], hint)]
        context = inspect.Parameter("context", _KEYWORD, annotation=typer.Context)

        def run(context: typer.Context, **given: Any) -> None:
            _run(handler, hints, context, given)

        run.__signature__ = inspect.Signature([context, *parameters])  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in (context, *parameters)}
        run.__doc__ = handler.__doc__
        epilog = "\n\n".join(["Examples:", *examples])
        app.command(name, cls=WatchCommand, epilog=epilog, rich_help_panel=panel)(run)
        return handler

    return register


_KEYWORD = inspect.Parameter.KEYWORD_ONLY


def _is_bundle(hint: Any) -> bool:
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


def _expanded(parameter: inspect.Parameter, hint: Any) -> list[inspect.Parameter]:
    """The options behind a parameter: those of its bundle, or itself; none of surroundings."""
    if hint is Surroundings:
        return []
    bundle = Connecting if hint is Call else hint
    if not _is_bundle(bundle):
        return [parameter.replace(kind=_KEYWORD, annotation=hint)]
    hints = get_type_hints(bundle, include_extras=True)
    return [
        inspect.Parameter(f.name, _KEYWORD, default=_default(f), annotation=hints[f.name])
        for f in dataclasses.fields(bundle)
    ]


def _default(field: "dataclasses.Field[Any]") -> Any:
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


def _run(
    handler: Callable[..., None],
    hints: dict[str, Any],
    context: typer.Context,
    given: dict[str, Any],
) -> None:
    around = context.obj if isinstance(context.obj, Surroundings) else Surroundings()
    try:
        with Call(around, given.get("profile"), given.get("url"), given.get("token")) as call:
            handler(**{name: _bundled(name, hint, given, call) for name, hint in hints.items()})
    except Complaint as complaint:
        tell(str(complaint))
        raise typer.Exit(complaint.exit) from complaint
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _bundled(name: str, hint: Any, given: dict[str, Any], call: Call) -> Any:
    if hint is Call:
        return call
    if hint is Surroundings:
        return call.around
    if _is_bundle(hint):
        return hint(**{field.name: given[field.name] for field in dataclasses.fields(hint)})
    return given[name]
