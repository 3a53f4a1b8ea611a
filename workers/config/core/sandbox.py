"""The Jinja2 environment of templates: what they can reach, and what they can write.

Stricter than Jinja's own sandbox: only text and numbers can be written out (None, lists and objects
are mistakes in a configuration file), big powers and repetitions are refused, and nothing is worked
out while a template is compiled. Names of secrets know the line that asks for them.
"""

from collections.abc import Mapping, MutableMapping
from types import CodeType
from typing import Any, NoReturn, Protocol

from jinja2 import (
    BaseLoader,
    Environment,
    StrictUndefined,
    Template,
    TemplateNotFound,
    TemplateSyntaxError,
    Undefined,
    nodes,
    pass_context,
)
from jinja2.runtime import Context
from jinja2.sandbox import MAX_RANGE, ImmutableSandboxedEnvironment
from jinja2.utils import missing

from workers.config.core.facts import NAMES, Node, Transport, Vip
from workers.config.core.filters import FILTERS, TESTS
from workers.config.core.secrets import Secret
from workers.config.core.unusable import Unusable

SOURCE_BYTES = 1024 * 1024
NUMBER_BITS = 4096
REPEATED = 1024 * 1024
"""Characters or members that `*` may make."""

_FACTS = {Node, Transport, Vip}
PLACE = "muster_place"
"""Added to each call of `secret`: the path and the line that it stands on."""


class _Source(Protocol):
    @property
    def path(self) -> str: ...
    @property
    def content(self) -> bytes: ...
    @property
    def key(self) -> tuple[str, str]: ...


class Tree(BaseLoader):
    """Finds what templates include, in the tree of their node alone."""

    def __init__(
        self, sources: Mapping[str, _Source], compiled: dict[tuple[str, str], CodeType]
    ) -> None:
        self._sources = sources
        self._compiled = compiled

    def load(
        self,
        environment: Environment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,
    ) -> Template:
        """The template of a name, compiled once however many nodes have it."""
        if name.startswith("/") or ".." in name.split("/"):
            raise Unusable(
                f"{name!r} lies outside the tree; write its path from the top of the tree"
            )
        source = self._sources.get(name)
        if source is None:
            raise TemplateNotFound(name)
        code = self._compiled.get(source.key)
        if code is None:
            code = environment.compile(_text(source), source.path, source.path)
            self._compiled[source.key] = code
        return environment.template_class.from_code(environment, code, globals or {}, lambda: True)


def _text(source: _Source) -> str:
    """The text of a template; refuses what is none, or not in the form that Jinja would keep."""
    content = source.content
    end = len(content)
    sentence = ""
    if len(content) > SOURCE_BYTES:
        sentence, end = f"is too long; a template has at most {SOURCE_BYTES >> 20} MiB", 0
    elif b"\0" in content:
        sentence, end = "is binary, so it cannot be a template; drop the .j2", content.index(b"\0")
    elif b"\r" in content:
        way = "save it with lines that end in LF alone"
        sentence, end = f"has a carriage return (CR); {way}", content.index(b"\r")
    elif content.startswith(b"\xef\xbb\xbf"):
        sentence, end = "begins with a byte order mark; save it as UTF-8 without", 0
    try:
        text = content[:end].decode()
    except UnicodeDecodeError as error:
        sentence, end = "is not UTF-8 text; save it as UTF-8", error.start
    if sentence:
        line = content.count(b"\n", 0, end) + 1
        raise TemplateSyntaxError(sentence, line, source.path, source.path)
    return text


class Missing(StrictUndefined):
    """A name that is not there, and says what is."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        name, thing = self._undefined_name, self._undefined_obj
        if self._undefined_hint:
            return self._undefined_hint
        if thing is not missing:
            fields = getattr(type(thing), "__struct_fields__", ())
            has = f"; it has {', '.join(fields)}" if fields else ""
            return f"{type(thing).__name__} has no {name!r}{has}"
        return f"{name!r} is not defined; templates know {', '.join(NAMES)} and secret(name)"


@pass_context  # so that Jinja does not call it while it compiles
def _written(_: Context, value: object) -> object:
    """What `{{ value }}` may write."""
    if isinstance(value, (str, Undefined)):
        return value
    if isinstance(value, (int, float, Secret)):
        return str(value)
    if value is None:
        raise Unusable("nothing (none) would be written; use default(...) or an if")
    what = type(value).__name__
    raise Unusable(f"a {what} cannot be written; write its parts, for example with join")


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of one node's templates."""

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, tree: Tree) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            undefined=Missing,
            finalize=_written,
            autoescape=False,
            optimized=False,
            loader=tree,
            cache_size=-1,
            auto_reload=False,
        )
        self.filters = dict(FILTERS)
        self.tests = dict(TESTS)
        self.globals["range"] = _range
        del self.globals["lipsum"]

    def forget(self) -> None:
        """Begin anew: what one template left in a module that it imported is not for others."""
        if self.cache is not None:
            self.cache.clear()

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "secret":
                where = {"lineno": call.lineno, "environment": self}
                place = nodes.Const((name or "", call.lineno), **where)
                call.kwargs.append(nodes.Keyword(PLACE, place, **where))
        return tree

    def getattr(self, obj: Any, attribute: str) -> Any:
        """The attribute of a thing; short for facts, which templates ask for most."""
        if type(obj) in _FACTS and attribute in obj.__struct_fields__:
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Work out a product or a power, if it stays small."""
        if operator == "**" and isinstance(left, int) and isinstance(right, int):
            if left.bit_length() * right > NUMBER_BITS:
                raise Unusable(f"a power is too big; a number has at most {NUMBER_BITS} bits")
        elif operator == "*":
            _check_product(left, right)
        return super().call_binop(context, operator, left, right)

    def handle_exception(self, source: str | None = None) -> NoReturn:
        """Let the error that is being handled go on as it is: `problem_of` reads its traceback."""
        raise


def _range(*limits: int) -> range:
    numbers = range(*limits)
    if len(numbers) > MAX_RANGE:
        raise Unusable(f"a range is too long; it has at most {MAX_RANGE} numbers")
    return numbers


def _check_product(left: object, right: object) -> None:
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > NUMBER_BITS:
            raise Unusable(f"a product is too big; a number has at most {NUMBER_BITS} bits")
        return
    for several, times in ((left, right), (right, left)):
        if not (isinstance(several, str | list | tuple) and isinstance(times, int)):
            continue
        if len(several) * times > REPEATED:
            raise Unusable(f"a repetition is too long; at most {REPEATED} parts")
