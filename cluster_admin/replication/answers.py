"""Questions about live tables and limits, answered from the pictures; as JSON has it, both ways.

What cannot be answered is an `error` with a sentence. Only subclusters that the asker may read are
looked at.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from cluster_admin.replication import limit_answers, node_answers, table_answers
from cluster_admin.replication.picture import Picture
from cluster_admin.replication.questions import Answer, Question, error

ROWS_MAX = 1_000
Pictures = Mapping[str, Picture]


async def answer(pictures: Pictures, question: Question, now: float) -> Answer:
    """What is asked for; `error` when there is no answer."""
    readable, asked = question.get("readable"), question.get("subcluster") or ""
    chosen = [
        picture
        for name, picture in sorted(pictures.items())
        if asked in ("", name) and (readable is None or name in readable)
    ]
    if asked and not chosen:
        return error(f"there is no subcluster {asked[:63]}, or none that you may read")
    make = _ANSWERS.get(str(question.get("ask")))
    if make is None:
        return error("that is no question")
    try:
        return await make(chosen, question, now)
    except (LookupError, TypeError, ValueError) as wrong:
        return error(f"that is no question: {wrong!r}"[:200], "invalid")


_ANSWERS: dict[str, Callable[[list[Picture], Question, float], Coroutine[Any, Any, Answer]]] = {
    "tables": table_answers.tables,
    "rows": table_answers.rows,
    "chart": table_answers.chart,
    "limits": limit_answers.limits,
    "explain": limit_answers.explain,
    "refusals": limit_answers.refusals,
    "nodes": node_answers.nodes,
}
