"""Commands that definitions name: `/PATH ARGUMENTS`, run without a shell; and what hooks cost.

Only the form of a command, its words, and the warning about hooks are decided here; who runs them
is `workers/failover/hooks.py` and `checks.py`. Words are split as a shell would, quotes included,
but nothing is expanded: no variables, no `*`, no `|`.
"""

import shlex

COMMAND_CHARACTERS = 500

HOOK_WARNING = (
    "Its hook changes something that the kernel's lease does not fence: until the hook is through "
    "two nodes can count as owner there, and a node that died cannot release."
)
"""What is shown wherever a VIP with a hook is shown."""

_WAY = "write /PATH ARGUMENTS"


def hook_warning(hook: str) -> str:
    """What to know about a VIP with this hook; "" for a VIP without one."""
    return HOOK_WARNING if hook else ""


def command_words(text: str) -> tuple[str, ...]:
    """The program and its arguments; `ValueError` for a quote that is not closed."""
    return tuple(shlex.split(text))


def command_refusal(text: str) -> str:
    """Why `text` is no command, with the way out; "" when it is one, or empty."""
    if len(text) > COMMAND_CHARACTERS:
        return f"has {len(text)} characters; write at most {COMMAND_CHARACTERS}"
    if not text.isprintable():
        return f"{text[:40]!r} has characters that cannot be printed; {_WAY}"
    if not text:
        return ""
    try:
        words = command_words(text)
    except ValueError:
        return f"{text[:60]!r} has a quote or a backslash that leads nowhere; close or double it"
    if not text.startswith("/") or not words[0].strip("/"):
        return f"{text[:60]!r} is none; {_WAY}"
    return ""
