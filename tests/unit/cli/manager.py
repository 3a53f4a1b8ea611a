"""A manager in memory that speaks the API's contract: what the commands' tests talk to.

Lists have pages and filters, objects have ETags, changes make revisions, problems are
problem+json. The nodes obey at once unless `obedient` is false.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx

URL, TOKEN = "http://manager.test", "secret"
JSON, PROBLEM, STREAM = "application/json", "application/problem+json", "text/event-stream"
KEYS = {
    **{"nodes": "name", "vips": "address", "topologies": "id", "tokens": "id"},
    **{"logs/sources": "id", "logs/subscribers": "id"},
    **{"limits": "id", "limits/exemptions": "id", "shared/tables": "id"},
}
BELOW = "logs/sources|logs/subscribers|limits/exemptions|shared/tables"
BRANCHES = [
    {"depth": 0, "prefix": "192.0.2.0/28", "value": 0, "total": 9, "is_leaf": False},
    {"depth": 1, "prefix": "192.0.2.1", "value": 5, "total": 5, "is_leaf": True},
    {"depth": 1, "prefix": "192.0.2.9", "value": 4, "total": 4, "is_leaf": True},
]
_LIMIT = {
    **{"subcluster": "default", "limit": "per-client", "subject": "inbound-messages"},
    **{"per": "address", "most": 100, "window": 60.0, "rate": "100/60s", "action": "defer"},
    **{"test": False, "enabled": True, "key": "192.0.2.1", "value": 90, "share": 0.9},
}
_REFUSAL = {
    **{"subcluster": "default", "node": "mta1", "number": 7, "at": 1767225600.0, "value": 100},
    **{"limit": "per-client", "key": "192.0.2.1", "most": 100, "action": "defer", "test": False},
}
LIVE: dict[str, dict[str, Any]] = {
    "shared": {
        "rows": [
            {
                **{"subcluster": "default", "name": "inbound", "type": "connections-inbound"},
                **{"kind": "gauge", "scope": "subcluster", "is_address": True, "defined": True},
                **{"keys": 2, "total": 9, "evicted": 0},
            }
        ]
    },
    "shared/rows": {
        **{"subcluster": "default", "name": "inbound", "type": "connections-inbound"},
        **{"kind": "gauge", "scope": "subcluster", "is_address": True, "node": "", "spans": []},
        **{"keys": 22, "total": 9, "tree": [], "more": 20},
        "rows": [{"key": "192.0.2.1", "value": 5}, {"key": "192.0.2.9", "value": 4}],
    },
    "shared/nodes": {
        "rows": [
            {
                **{"subcluster": "default", "node": "mta1", "age_seconds": 0.5, "cut_off": False},
                **{"broker": "127.0.0.1:5672", "requests": 1000, "refused": 7, "faults": 0},
                **{"published_bytes": 1, "heard_bytes": 2, "healed": 0, "unkept": 0},
                **{"problems": [], "up_seconds": 5.0, "peers": ["mta2"]},
                "by_limit": {"per-client": 7},
            }
        ],
        "silent": ["mta4"],
    },
    "limits/usage": {
        "rows": [
            {
                **_LIMIT,
                "refused": 7,
                "near": [
                    {"key": "192.0.2.1", "value": 90, "most": 100, "share": 0.9},
                    {"key": "192.0.2.9", "value": 10, "most": 20, "share": 0.5},
                ],
            }
        ]
    },
    "limits/explain": {
        "key": "192.0.2.1",
        "rows": [{**_LIMIT, "remaining": 10, "stage": "RCPT", "nodes": {"mta1": 60, "mta2": 30}}],
        "refusals": [_REFUSAL],
    },
    "limits/refusals": {"rows": [_REFUSAL], "more": 3},
}
DEFINITIONS = 'format = 1\ncluster = "demo"\nsubcluster = "default"\n'
NEXT_HOST = "http://elsewhere.test"
Row = dict[str, Any]


def node(name: str, number: int, **status: Any) -> Row:
    told = {"verdict": "alive", "state": "active", "objection": "", "incarnation": 3}
    told |= {"revision": 7, "known_revision": 7, "problem": "", "members": ["mta1", "mta2"]}
    told |= {"agreed": True, "mature": True, "late": False, "rings": {"a": True}, "warnings": []}
    told |= {"heard_at": "2026-01-01T00:00:00Z", "age_seconds": 0.4, **status}
    return {
        **{"name": name, "subcluster": "default", "address": f"198.18.0.{10 + number}"},
        **{"ring_port": 7411, "weight": 1, "admin_state": "enabled", "segment": None},
        **{"interfaces": {"198.18.0.0/24": "ens5"}, "vips": 2, "status": told},
    }


def vip(address: str, owner: str, state: str = "owned") -> Row:
    told = {"state": state, "owner": owner, "epoch": 4, "since": "2026-01-01T00:00:00Z"}
    told |= {"age_seconds": 4000.0, "reason": "balance", "previous": "mta2", "seen_at": "x"}
    return {
        **{"address": address, "subcluster": "default", "description": "to, the \x1b[31mworld"},
        **{"prefer": ["mta1", "mta2"], "follow": None, "weight": 1, "check": "", "binding": "out"},
        "status": told,
    }


def event(number: int, **other: Any) -> Row:
    return {
        **{"id": number, "subcluster": "default", "node": "mta1", "incarnation": 3},
        **{"number": number, "time": "2026-01-01T00:00:00.000+00:00", "kind": "taken"},
        **{"vip": "198.18.0.101", "peer": "", "reason": "dead", "epoch": 4, "detail": "x"},
        **{"actor": "failure", "view": "0badcafe", "gap_ms": 412.0, "from": "mta2", "to": "mta1"},
        **{"received_at": "2026-01-01T00:00:00.100Z", **other},
    }


def knob(name: str, value: float) -> Row:
    bounds = {"default": 0.6, "is_default": value == 0.6, "low": 0.1, "high": 60, "choices": None}
    return {"name": name, "value": value, "unit": "s", "help": "When a peer is dead.", **bounds}


def limit(number: int, name: str, **other: Any) -> Row:
    return {
        **{"id": number, "subcluster": "default", "name": name, "subject": "inbound-messages"},
        **{"per": "address", "most": 100, "window": 60.0, "prefix_v4": 32, "prefix_v6": 64},
        **{"match": "", "binding": "", "host": "", "domain": "", "stage": "", "throttle": ""},
        **{"action": "defer", "message": "", "test": False, "enabled": True, **other},
    }


def table(number: int, name: str, kind: str) -> Row:
    return {
        **{"id": number, "subcluster": "default", "name": name, "type": kind, "parameters": {}},
        **{"max_delay": 1.0, "max_pending": 100, "max_size": 1_000_000, "binding_group": ""},
        **{"table_class": "", "snapshot": True, "scope": "subcluster"},
    }


def _limiting_rows() -> dict[str, list[Row]]:
    return {
        "limits": [
            *(limit(4, "per-client"), limit(5, "bulk", subject="outbound-messages")),
            limit(14, "nets", per="network", test=True),
        ],
        "limits/exemptions": [
            {
                **{"id": number, "subcluster": "default", "name": name, "key": "192.0.2.0/24"},
                **{"limit": "per-client" if number == 16 else "", "most": None},
            }
            for number, name in ((6, "office"), (16, "partner"))
        ],
        "shared/tables": [
            table(7, "inbound", "connections-inbound"),
            table(17, "throttles", "throttle-messages"),
        ],
    }


def _rows() -> dict[str, list[Row]]:
    return {
        "subclusters": [
            {"name": "default", "description": "", "revision": 7, "nodes": 2, "vips": 2},
        ],
        "segments": [{"name": "rack-7", "description": "second floor"}],
        "topologies": [
            {
                **{"id": 1, "subcluster": "default", "cidr": "198.18.0.0/24", "interface": "eth0"},
                **{"witnesses": ["198.18.0.1"], "segment": None},
            }
        ],
        "nodes": [node("mta1", 1), node("mta2", 2), node("mta4", 4, verdict="dead", revision=6)],
        "vips": [vip("198.18.0.101", "mta1"), vip("198.18.0.107", "mta2")],
        "events": [event(number) for number in range(3, 0, -1)],
        "audit": [
            {
                **{"id": 1, "at": "2026-01-01T00:00:00Z", "actor": "admin", "source": "::1"},
                **{"token": "t", "via": "api", "action": "edit", "kind": "vip", "reason": ""},
                **{"object": "198.18.0.101", "subcluster": "default", "outcome": "done"},
                **{"before": {"weight": 1}, "after": {"weight": 2}},
            }
        ],
        "tokens": [
            {
                **{"id": 5, "name": "monitoring", "user": "admin", "read_only": True},
                **{"scopes": ["read"], "expires_at": None, "created_at": "x"},
                **{"last_used_at": None, "revoked_at": None},
            }
        ],
        "config/replicas": [],
        "logs/sources": [
            {
                **{"id": 3, "subcluster": "default", "name": "mail", "path": "/var/log/mail.log"},
                "nodes": [],
            }
        ],
        "logs/subscribers": [
            {"id": number, "subcluster": "default", "name": name, "backlog_bytes": 1 << 30}
            for number, name in enumerate(("manager", "archive"))
        ],
        **_limiting_rows(),
        "subclusters/default/settings": [knob("dead_after", 0.6)],
        "subclusters/default/revisions": [
            {
                **{"number": 12, "author": "admin", "comment": "", "text": DEFINITIONS},
                **{"created_at": "2026-01-01T00:00:00Z", "diff": "-a\n+b\n"},
            }
        ],
    }


@dataclass
class Manager:
    """Holds rows, and every request that was made; hand `transport` to the commands."""

    rows: dict[str, list[Row]] = field(default_factory=_rows)
    requests: list[httpx.Request] = field(default_factory=list)
    streams: list[Iterable[bytes] | Exception] = field(default_factory=list)
    refusals: dict[str, httpx.Response | Exception] = field(default_factory=dict)
    """Answers by "METHOD path" instead of the usual ones."""
    revision: int = 7
    obedient: bool = True
    unchanged: bool = False
    stale: bool = False

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        where = unquote(request.url.path).removeprefix("/api/v1/")
        if (planned := self.refusals.get(f"{request.method} {where}")) is not None:
            if isinstance(planned, Exception):
                raise planned
            return planned
        if where != "login/" and request.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem(401, "unauthenticated", "Log in first.")
        routes: list[tuple[str, Callable[..., httpx.Response]]] = [
            ("(login|logout|whoami|status)/", self._special),
            ("events/stream/", self._stream),
            ("subclusters/([^/]+)/definitions/", self._definitions),
            ("nodes/([^/]+)/(drain|undrain|maintenance)/", self._set_state),
            ("nodes/([^/]+)/if-dies/", self._if_dies),
            ("nodes/([^/]+)/join-token/", self._join_token),
            ("vips/([^/]+)/(owner|history)/", self._about_vip),
            ("vips/([^/]+)/move/", self._move),
            ("config/(promote|copy-subcluster)/", self._make_revision),
            ("(config/replicas)/", self._list),
            ("logs/(decommission)/", self._decommission),
            ("mail/(counts)/", self._mail),
            ("subclusters/([^/]+)/limiting/", self._limiting),
            (f"({'|'.join(LIVE)})/", self._live),
            (f"({BELOW})/([^/]+)/", self._object),
            (f"({BELOW})/", self._list),
            ("(subclusters/[^/]+/settings|subclusters/[^/]+/revisions)/([^/]+)/", self._object),
            ("(subclusters/[^/]+/settings|subclusters/[^/]+/revisions)/", self._list),
            ("([a-z]+)/([^/]+)/", self._object),
            ("([a-z]+)/", self._list),
        ]
        for pattern, route in routes:
            if found := re.fullmatch(pattern, where):
                return route(request, *found.groups())
        return problem(404, "not_found", f"There is nothing at {where}.")

    def sent(self, method: str) -> list[httpx.Request]:
        return [request for request in self.requests if request.method == method]

    def _make_revision(self, request: httpx.Request, _verb: str) -> httpx.Response:
        asked = json.loads(request.content)
        diff = {"files": [{"path": "a"}], "more": 0, "note": "", "text": "-a\n+b\n"}
        if asked["dry_run"]:
            return answer({"dry_run": True, "head": 7, "nodes": {"mta1": diff}, "diff": diff})
        made = {"revision": 8, "commit": "0" * 40, "author": "admin", "replicas": ["mta1"]}
        return answer({**made, "at": "2026-01-01T00:00:00Z", "message": "m"}, 201)

    def _decommission(self, request: httpx.Request, _verb: str) -> httpx.Response:
        if not (request.url.params.get("force") or _dry(request)):
            return problem(409, "refused", "A collector still takes logs as manager: stop it.")
        told = {"name": "manager", "subclusters": ["default"], "queue": "muster.demo.logs.manager"}
        return answer({**told, "messages": 0, "diff": "-[subscriber.manager]\n"})

    def _mail(self, request: httpx.Request, _noun: str) -> httpx.Response:
        numbers: dict[str, float] = {"delivered": 90, "deferred": 8, "bounced": 2}
        numbers |= {"rejected": 0, "connected": 5}
        numbers |= {"failed_percent": 10.0}
        by = request.url.params["by"]
        key = {"time": "2026-01-01T00:00:00Z"} if by == "time" else {"name": "mta1"}
        told = {"by": by, "since": "x", "until": "x", "step_seconds": 60, "counted_at": "x"}
        return answer({**told, "total": numbers, "rows": [key | numbers], "more": 0})

    def _special(self, request: httpx.Request, name: str) -> httpx.Response:
        until = "2026-02-01T00:00:00Z"
        if name == "login":
            asked = json.loads(request.content)
            if asked["password"] != "right":  # noqa: S105
                return problem(401, "unauthenticated", "User or password is wrong.")
            told = {"token": TOKEN, "name": asked["name"], "expires_at": until}
            return answer({**told, "user": asked["username"]}, 201)
        if name == "logout":
            return httpx.Response(204)
        if name == "whoami":
            token = {"name": "t", "read_only": False, "scopes": ["read"], "expires_at": until}
            roles = [{"role": "admin", "subcluster": ""}]
            return answer({"user": "admin", "superuser": True, "roles": roles, "token": token})
        one = {"name": "default", "revision": 7, "nodes": 3, "alive": 2, "vips": 2, "owned": 2}
        one |= {"unowned": 0, "unsafe": 0, "stuck": 0, "acting_revision_min": 7}
        listener = {"heard_at": until, "age_seconds": 0.2, "stale": self.stale, "broker": "amqp"}
        newest = {"newest_id": max((row["id"] for row in self.rows["events"]), default=0)}
        body = {"cluster": "demo", "subclusters": [one], "listener": listener, "events": newest}
        return answer(body)

    def _stream(self, request: httpx.Request) -> httpx.Response:
        stream = self.streams.pop(0) if self.streams else KeyboardInterrupt()
        if isinstance(stream, BaseException):
            raise stream
        return httpx.Response(200, headers={"content-type": STREAM}, content=iter(stream))

    def _definitions(self, request: httpx.Request, name: str) -> httpx.Response:
        if request.method == "PUT":
            return self._changed(request, {"name": name})
        etag = {"content-type": "text/plain; charset=utf-8", "etag": '"definitions"'}
        return httpx.Response(200, headers=etag, text=DEFINITIONS)

    def _live(self, request: httpx.Request, what: str) -> httpx.Response:
        told = LIVE[what]
        if what == "shared/rows" and request.url.params.get("tree") == "1":
            told = {**told, "rows": [], "tree": BRANCHES}
        return answer(told)

    def _limiting(self, request: httpx.Request, _name: str) -> httpx.Response:
        if request.method == "GET":
            return answer({"cut_off": "share", "test": False})
        return self._changed(request, json.loads(request.content))

    def _set_state(self, request: httpx.Request, name: str, verb: str) -> httpx.Response:
        row = self._find("nodes", name)
        if row is None:
            return problem(404, "not_found", f"There is no node {name}.")
        if not _dry(request):
            row["admin_state"] = {"drain": "draining", "undrain": "enabled"}.get(verb, verb)
        if self.obedient and verb != "undrain" and not _dry(request):
            for each in self.rows["vips"]:
                if each["status"]["owner"] == name:
                    each["status"]["owner"] = "mta9"
        return self._changed(request, row)

    def _if_dies(self, request: httpx.Request, name: str) -> httpx.Response:
        view = {"revision": 7, "age_seconds": 0.3, "members": ["mta1", "mta2"]}
        moves = [{"vip": "198.18.0.101", "from": name, "to": "mta2"}]
        return answer({"node": name, "view": view, "moves": moves, "unserved": ["198.18.0.107"]})

    def _join_token(self, request: httpx.Request, name: str) -> httpx.Response:
        if _dry(request):
            return answer({"dry_run": True, "subcluster": "default", "revision": None, "diff": ""})
        told = {"node": name, "subcluster": "default", "expires_at": "2026-02-01T00:00:00Z"}
        command = f"muster node join {URL} --token made"
        return answer({**told, "token": "made", "command": command}, 201)

    def _about_vip(self, request: httpx.Request, address: str, what: str) -> httpx.Response:
        if what == "history":
            return self._list(request, "events")
        row = self._find("vips", address)
        if row is None or not row["status"]["owner"]:
            return problem(503, "unavailable", f"Nobody owns {address}.")
        told = {key: row["status"][key] for key in ("owner", "since", "epoch", "state")}
        return answer({"address": address, **told, "stale_seconds": 0.2})

    def _move(self, request: httpx.Request, address: str) -> httpx.Response:
        row, asked = self._find("vips", address), json.loads(request.content)
        if row is None:
            return problem(404, "not_found", f"There is no VIP {address}.")
        if request.headers.get("if-match", _etag(row)) != _etag(row):
            return problem(412, "stale", f"{address} was changed meanwhile.")
        if not _dry(request):
            row["prefer"] = [asked["node"]] if "node" in asked else []
            if self.obedient and "node" in asked:
                row["status"]["owner"] = asked["node"]
        return self._changed(request, row)

    def _list(self, request: httpx.Request, kind: str) -> httpx.Response:
        if kind not in self.rows:
            return problem(404, "not_found", f"There is nothing called {kind}.")
        if request.method == "POST":
            return self._create(request, kind)
        query = dict(request.url.params)
        rows = [row for row in self.rows[kind] if _matches(row, query)]
        if query.get("ordering") == "id":
            rows = sorted(rows, key=lambda row: int(row["id"]))
        if kind.endswith("settings"):
            return answer(rows) if not query else problem(400, "invalid", "It takes no parameter.")
        page, size = int(query.get("page", 1)), int(query.get("page_size", 50))
        shown = rows[(page - 1) * size : page * size]
        more = str(request.url.copy_merge_params({"page": page + 1})).replace(URL, NEXT_HOST)
        following = more if page * size < len(rows) else None
        return answer({"count": len(rows), "next": following, "previous": None, "results": shown})

    def _create(self, request: httpx.Request, kind: str) -> httpx.Response:
        body = json.loads(request.content)
        if kind == "tokens":
            return answer({"id": 6, "user": "admin", "token": "made", **body}, 201)
        if self._find(kind, body.get(KEYS.get(kind, "name"))):
            return problem(400, "invalid", "It exists.", {"name": ["choose another"]})
        if not _dry(request):
            owner = "mta1" if self.obedient else ""
            self.rows[kind].append({**body, "id": 9, "status": {"owner": owner}})
        return self._changed(request, body, 201)

    def _object(self, request: httpx.Request, kind: str, name: str) -> httpx.Response:
        row = self._find(kind, name)
        if row is None:
            return problem(404, "not_found", f"There is no {name} in {kind}.")
        if request.method == "GET":
            return answer(row)
        if request.headers.get("if-match", _etag(row)) != _etag(row):
            return problem(412, "stale", f"{name} was changed meanwhile.")
        if request.method == "DELETE":
            if not _dry(request):
                self.rows[kind].remove(row)
            return self._changed(request, None, 204)
        if not _dry(request):
            row.update(json.loads(request.content))
        return self._changed(request, row)

    def _find(self, kind: str, name: Any) -> Row | None:
        key = "number" if kind.endswith("revisions") else KEYS.get(kind, "name")
        rows = self.rows.get(kind, [])
        return next((row for row in rows if str(row.get(key)) == str(name)), None)

    def _changed(self, request: httpx.Request, body: Any, status: int = 200) -> httpx.Response:
        if _dry(request):
            diff = "" if self.unchanged else "--- running\n+++ proposed\n-old\n+new\n"
            told = {"dry_run": True, "subcluster": "default", "revision": self.revision}
            return answer({**told, "diff": diff})
        self.revision += 1
        if self.obedient:
            for each in self.rows["nodes"]:
                each["status"] = {**(each.get("status") or {}), "revision": self.revision}
        made = answer(body, status) if body is not None else httpx.Response(status)
        made.headers["X-Muster-Revision"] = str(self.revision)
        return made


def answer(body: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, headers={"etag": _etag(body)}, json=body)


def problem(status: int, code: str, detail: str, errors: Any = None) -> httpx.Response:
    body = {"type": f"muster:{code}", "title": code, "status": status, "detail": detail}
    body |= {"code": code, **({"errors": errors} if errors else {})}
    return httpx.Response(status, headers={"content-type": PROBLEM}, content=json.dumps(body))


def sse(row: Row) -> bytes:
    return f"id: {row['id']}\nevent: event\ndata: {json.dumps(row)}\n\n".encode()


def _etag(body: Any) -> str:
    return f'"{hashlib.sha256(json.dumps(body).encode()).hexdigest()[:8]}"'


def _dry(request: httpx.Request) -> bool:
    return bool(request.url.params.get("dry_run") == "1")


def _matches(row: Row, query: dict[str, str]) -> bool:
    if "after" in query and row["id"] <= int(query["after"]):
        return False
    flat = {**(row.get("status") or {}), **row}
    return all(str(flat[key]) == value for key, value in query.items() if key in flat)
