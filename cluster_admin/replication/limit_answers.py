"""Questions about limits, answered from the pictures: how full they are, and for whom."""

import asyncio

from cluster_admin.replication.picture import Picture
from cluster_admin.replication.questions import Answer, Question
from workers.replication.core.definitions import Limit, rate_text

REFUSALS_SHOWN_MAX, NEAR_MAX = 1_000, 5


async def limits(pictures: list[Picture], question: Question, now: float) -> Answer:
    """Each limit, where it is nearest to being reached."""
    name = question.get("limit") or ""
    rows = []
    for picture in pictures:
        for limit in picture.replication.limits:
            if name in ("", limit.name):
                rows.append(_usage(picture, limit, int(question.get("near", NEAR_MAX)), now))
            await asyncio.sleep(0)
    return {"rows": rows}


def _usage(picture: Picture, limit: Limit, most: int, now: float) -> Answer:
    near = [
        {"key": one.key, "value": one.value, "most": one.most, "share": _share(one.value, one.most)}
        for one in (picture.used(limit, now)[:most] if limit.enabled else ())
    ]
    first: Answer = near[0] if near else {}
    return {
        "subcluster": picture.subcluster,
        **_limit(limit, picture.replication.test),
        "key": first.get("key", ""),
        "value": first.get("value", 0),
        "share": first.get("share", 0.0),
        "refused": picture.refused_by(limit.name),
        "near": near,
    }


async def explain(pictures: list[Picture], question: Question, now: float) -> Answer:
    """What applies to a key, what each node counted of it, and its refusals."""
    key = str(question.get("key"))
    rows = []
    for picture in pictures:
        for one, nodes in picture.explain(key, now):
            told = {"value": one.value, "most": one.most, "remaining": one.remaining}
            rows.append(
                {
                    "subcluster": picture.subcluster,
                    **_limit(one.limit, picture.replication.test),
                    **told,
                    "key": one.key,
                    "share": _share(one.value, one.most),
                    "stage": one.stage,
                    "nodes": nodes,
                }
            )
        await asyncio.sleep(0)
    refused = await refusals(pictures, {**question, "top": 20}, now)
    return {"key": key, "rows": rows, "refusals": refused["rows"]}


async def refusals(pictures: list[Picture], question: Question, _now: float) -> Answer:
    """The newest refusals that fit."""
    names = {name: question.get(name) or "" for name in ("node", "limit", "key")}
    found = [
        {
            "subcluster": picture.subcluster,
            "node": told.node,
            **{name: getattr(told.refused, name) for name in told.refused.__struct_fields__},
        }
        for picture in pictures
        for told in picture.refusals
    ]
    fit = [one for one in found if all(text in ("", one[name]) for name, text in names.items())]
    fit.sort(key=lambda one: -one["at"])
    most = min(int(question.get("top", 100)), REFUSALS_SHOWN_MAX)
    return {"rows": fit[:most], "more": max(0, len(fit) - most)}


def _limit(limit: Limit, all_test: bool) -> Answer:
    return {
        "limit": limit.name,
        "subject": limit.subject.value,
        "per": limit.per.value,
        "most": limit.most,
        "window": limit.window,
        "rate": rate_text(limit.most, limit.window),
        "action": limit.action.value,
        "test": limit.test or all_test,
        "enabled": limit.enabled,
    }


def _share(value: int, most: int) -> float:
    return round(value / most, 4) if most else float(bool(value))
