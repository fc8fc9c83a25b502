"""HTTP routes below `/_perdure/`. JSON in, JSON out; errors are `{error}` with 400 or 404."""

import hashlib
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote

from ..answers import StartResponse, send_json
from ..emulator import Emulator
from .feed import instances, load_balancers
from .inventory import inventory
from .machines import report_machine

_LONGEST_WAIT = 60.0
Reply = tuple[int, Any]


class AdminApp:
    """WSGI application for the admin side; every handler runs under the emulator's lock."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serves one admin request."""
        parts = [unquote(part) for part in environ["PATH_INFO"].split("/")[2:] if part]
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        length = int(environ.get("CONTENT_LENGTH") or 0)
        try:
            body = json.loads(environ["wsgi.input"].read(length) or b"null") if length else None
            with self._emulator.lock:
                self._emulator.settle()
                status, reply = self._route(environ["REQUEST_METHOD"], parts, query, body)
        except (ValueError, KeyError, TypeError) as error:
            status, reply = 400, {"error": f"{type(error).__name__}: {error}"}
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            status, reply = 500, {"error": f"{type(error).__name__}: {error}"}
        return send_json(start_response, status, reply)

    def _route(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> Reply:
        emulator = self._emulator
        match (method, parts):
            case ("GET", ["ready"]):
                return 200, emulator.describe()
            case ("POST", ["reset"]):
                emulator.reset()
                return 200, emulator.describe()
            case ("GET", ["delays"]):
                return 200, emulator.delays.to_json()
            case ("PUT" | "POST", ["delays"]):
                emulator.delays = emulator.delays.changed(body or {})
                return 200, emulator.delays.to_json()
            case ("GET", ["inventory"]):
                return 200, {"resources": inventory(query)}
            case ("GET", ["instances"]):
                return 200, self._watched(query, "instances", lambda: instances(query))
            case ("GET", ["load-balancers"]):
                return 200, self._watched(query, "loadBalancers", lambda: load_balancers(query))
            case (_, ["faults", *_]):
                return self._faults(method, parts[1:], body)
            case (_, ["journal", *_]):
                return self._journal(method, parts[1:], query)
            case (_, ["health" | "machines", *_]):
                return self._reports(method, parts, body)
        return 404, {"error": f"no admin route {method} /_perdure/{'/'.join(parts)}"}

    def _faults(self, method: str, parts: list[str], body: Any) -> Reply:
        faults = self._emulator.faults
        match (method, parts):
            case ("GET", []):
                return 200, {"faults": faults.list()}
            case ("POST", []):
                return 201, faults.add(body or {}).to_json()
            case ("DELETE", []):
                faults.clear()
                return 200, {"faults": []}
            case ("DELETE", [rule_id]):
                return (200, {}) if faults.remove(rule_id) else (404, {"error": f"no fault rule '{rule_id}'"})
        return 404, {"error": "no such faults route"}

    def _journal(self, method: str, parts: list[str], query: dict[str, str]) -> Reply:
        journal = self._emulator.journal
        match (method, parts):
            case ("GET", []):
                return 200, {"calls": journal.entries(query)}
            case ("GET", ["summary"]):
                return 200, journal.summary()
            case ("DELETE", []):
                journal.clear()
                return 200, journal.summary()
        return 404, {"error": "no such journal route"}

    def _reports(self, method: str, parts: list[str], body: Any) -> Reply:
        emulator = self._emulator
        match (method, parts):
            case ("GET", ["health"]):
                return 200, emulator.health.to_json()
            case ("POST", ["health"]):
                emulator.health.report(body if isinstance(body, list) else [body])
                emulator.touch()
                return 200, emulator.health.to_json()
            case ("POST", ["machines", instance_id]):
                return 200, report_machine(emulator, instance_id, body or {})
        return 404, {"error": "no such route"}

    def _watched(self, query: dict[str, str], name: str, read: Callable[[], list[dict[str, Any]]]) -> dict[str, Any]:
        """Answers at once, or, given `version` and `waitMs`, when the list differs from that version."""
        deadline = time.monotonic() + min(float(query.get("waitMs", 0)) / 1000, _LONGEST_WAIT)
        while True:
            entries = read()
            version = hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()[:16]
            remaining = deadline - time.monotonic()
            if version != query.get("version") or remaining <= 0:
                return {"version": version, name: entries}
            self._emulator.wait_for_change(remaining)
