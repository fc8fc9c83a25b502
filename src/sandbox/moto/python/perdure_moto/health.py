"""What the machine host reported about machines behind load balancers."""

from typing import Any


class HealthReports:
    """Latest report per address. An exact `ip:port` (or `instance:port`) report wins over one for the whole machine."""

    def __init__(self) -> None:
        self._reports: dict[str, bool] = {}

    def report(self, entries: list[dict[str, Any]]) -> None:
        """Takes reports `{target, port?, healthy}`, target an instance id or IP; `healthy: null` withdraws one."""
        for entry in entries:
            target, port = str(entry["target"]), entry.get("port")
            key = f"{target}:{port}" if port is not None else target
            if entry.get("healthy") is None:
                self._reports.pop(key, None)
            else:
                self._reports[key] = bool(entry["healthy"])

    def healthy(self, names: list[str], port: int | str) -> bool | None:
        """The report for any of the machine's names on `port`; None when nobody has said anything yet."""
        for key in [f"{name}:{port}" for name in names] + names:
            if key in self._reports:
                return self._reports[key]
        return None

    def to_json(self) -> dict[str, bool]:
        """All reports."""
        return dict(self._reports)

    def clear(self) -> None:
        """Forgets all reports."""
        self._reports.clear()
