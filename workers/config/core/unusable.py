"""How whatever goes wrong in a template becomes a problem with its file and line.

Invariant: any exception has a sentence, short and printable; the line is the innermost one of a
template that the exception passed through.
"""

from jinja2 import (
    Template,
    TemplateError,
    TemplateNotFound,
    TemplatesNotFound,
    TemplateSyntaxError,
)
from jinja2.exceptions import SecurityError

from workers.config.core.problems import Problem, one_line


class OutOfTime(BaseException):
    """Raised into a rendering that takes too long; nothing in a template can catch it."""


class Unusable(TemplateError):
    """What a template does cannot be; the message is the sentence shown."""


def problem_of(error: BaseException, path: str) -> Problem:
    """What an error says, at the innermost line of a template that it passed through."""
    line = 0
    trace = error.__traceback__
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template):
            path = template.name or path
            line = template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    if isinstance(error, TemplateSyntaxError):
        path, line = error.name or path, error.lineno
    return Problem(path, line, _sentence(error))


_KNOWN: tuple[tuple[type[BaseException], str], ...] = (
    (OutOfTime, "takes too long; look for a loop that goes on and on"),
    (MemoryError, "takes too much memory; look for a value that grows and grows"),
    (RecursionError, "is nested too deeply; look for a template or a macro that calls itself"),
)


def _sentence(error: BaseException) -> str:
    for kind, sentence in _KNOWN:
        if isinstance(error, kind):
            return sentence
    if isinstance(error, TemplateNotFound):
        names = error.templates if isinstance(error, TemplatesNotFound) else [error.name]
        said = " or ".join(repr(name) for name in names) or "nothing"
        way = "write the path of a *.j2 file from the top of the tree"
        return one_line(f"includes {said}, which the tree of this node does not have; {way}")
    if isinstance(error, SecurityError):
        words = one_line(error.message or "this is not allowed")
        return f"{words}; templates only read what they are given"
    if isinstance(error, TemplateError):
        return one_line(error.message or "is no good template")
    if type(error).__module__.startswith("workers."):
        return one_line(str(error))
    if isinstance(error, SyntaxError):
        return one_line(f"cannot be compiled: {error.msg}")
    return one_line(f"cannot be rendered: {str(error) or type(error).__name__}")
