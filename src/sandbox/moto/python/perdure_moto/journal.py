"""Every AWS call that arrived, newest last, with running counts. Bounded, so that long runs cost no memory."""

from collections import Counter, deque
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from .call import Call, caller_arn

_CAPACITY = 50_000


class Journal:
    """Keeps the last 50,000 calls; the counts go on for ever (until cleared)."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=_CAPACITY)
        self._counts: Counter[tuple[str, str]] = Counter()
        self._mutating = 0
        self._sequence = 0

    def record(
        self, call: Call, *, started: float, duration: float, status: int, error: str, request_id: str, fault: str
    ) -> None:
        """Adds one finished call. `started` is epoch seconds, `duration` seconds; status 0 means no answer was sent."""
        self._sequence += 1
        self._counts[(call.service, call.action)] += 1
        self._mutating += call.mutating
        self._entries.append(
            {
                "sequence": self._sequence,
                "service": call.service,
                "action": call.action,
                "region": call.region,
                "account": call.account_id,
                "accessKey": call.access_key,
                "caller": caller_arn(call),
                "time": datetime.fromtimestamp(started, UTC).isoformat(timespec="milliseconds"),
                "durationMs": round(duration * 1000, 2),
                "status": status,
                "error": error,
                "requestId": request_id,
                "mutating": call.mutating,
                "fault": fault,
                "clientToken": str(call.params.get("ClientToken", call.params.get("ClientRequestToken", ""))),
            }
        )

    def entries(self, filters: dict[str, str]) -> list[dict[str, Any]]:
        """Entries matching service, action (glob), account, region, accessKey, error, mutating, since, limit."""
        found = [entry for entry in self._entries if _matches(entry, filters)]
        limit = int(filters.get("limit", 0))
        return found[-limit:] if limit else found

    def summary(self) -> dict[str, Any]:
        """Totals since the last clear."""
        actions = {f"{service}:{action}": n for (service, action), n in sorted(self._counts.items())}
        return {
            "sequence": self._sequence,
            "total": sum(actions.values()),
            "mutating": self._mutating,
            "actions": actions,
        }

    def clear(self) -> None:
        """Forgets entries and counts; sequence numbers go on."""
        self._entries.clear()
        self._counts.clear()
        self._mutating = 0


def _matches(entry: dict[str, Any], filters: dict[str, str]) -> bool:
    for key in ("service", "account", "region", "accessKey", "error"):
        if key in filters and entry[key] != filters[key]:
            return False
    if "action" in filters and not fnmatchcase(entry["action"], filters["action"]):
        return False
    if "mutating" in filters and entry["mutating"] != (filters["mutating"] == "true"):
        return False
    return entry["sequence"] > int(filters.get("since", 0))
