"""Instance refreshes, which moto lacks: all instances of a group are replaced, a few at a time."""

import math
from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.moto_api._internal import mock_random

from ..emulator import Emulator
from ..patching import define
from .autoscaling import _group_of, reconcile, retire, staying

_ACTIVE = ("Pending", "InProgress", "Cancelling")
_DEFAULT_MIN_HEALTHY = 90


class InstanceRefresh:
    """One replacement of a group's instances, with the attributes AWS shows."""

    def __init__(self, group: Any, strategy: str, preferences: dict[str, Any]) -> None:
        self.instance_refresh_id = str(mock_random.uuid4())
        self.auto_scaling_group_name = group.name
        self.status = "Pending"
        self.status_reason: str | None = None
        self.start_time = utcnow()
        self.end_time: Any = None
        self.strategy = strategy
        self.preferences = preferences
        self.percentage_complete = 0
        self._old = {state.instance_id for state in staying(group)}
        self.instances_to_update = len(self._old)
        self._total = max(len(self._old), 1)

    def outdated(self, group: Any) -> list[Any]:
        """Instances that were there at the start and are still."""
        left = [state for state in staying(group) if state.instance_id in self._old]
        self.instances_to_update = len(left)
        self.percentage_complete = 100 * (self._total - len(left)) // self._total
        return left

    def end(self, status: str) -> None:
        """The last state."""
        self.status = status
        self.end_time = utcnow()


def install(emulator: Emulator) -> None:
    """Applies the patches."""

    @define(AutoScalingResponse, "start_instance_refresh")
    def start_instance_refresh(self: Any) -> ActionResult:
        group = _group_of(self)
        if any(refresh.status in _ACTIVE for refresh in _refreshes(group)):
            message = "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh."
            raise AutoscalingClientError("InstanceRefreshInProgress", message)
        params = self._get_params()
        refresh = InstanceRefresh(group, params.get("Strategy") or "Rolling", dict(params.get("Preferences") or {}))
        _refreshes(group).insert(0, refresh)
        emulator.clock.after(emulator.delays.refreshStepMs, lambda: _advance(emulator, group, refresh))
        return ActionResult({"InstanceRefreshId": refresh.instance_refresh_id})

    @define(AutoScalingResponse, "describe_instance_refreshes")
    def describe_instance_refreshes(self: Any) -> ActionResult:
        wanted = self._get_param("InstanceRefreshIds", [])
        found = [r for r in _refreshes(_group_of(self)) if not wanted or r.instance_refresh_id in wanted]
        return ActionResult({"InstanceRefreshes": found[: self._get_int_param("MaxRecords") or 50]})

    @define(AutoScalingResponse, "cancel_instance_refresh")
    def cancel_instance_refresh(self: Any) -> ActionResult:
        active = next((r for r in _refreshes(_group_of(self)) if r.status in _ACTIVE), None)
        if active is None:
            raise AutoscalingClientError("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found")
        active.status = "Cancelling"
        return ActionResult({"InstanceRefreshId": active.instance_refresh_id})


def _refreshes(group: Any) -> list[InstanceRefresh]:
    if not hasattr(group, "_perdure_refreshes"):
        group._perdure_refreshes = []
    refreshes: list[InstanceRefresh] = group._perdure_refreshes
    return refreshes


def _advance(emulator: Emulator, group: Any, refresh: InstanceRefresh) -> None:
    """One step; the next one follows after a while, until all are replaced."""
    if refresh.status not in _ACTIVE:
        return
    if refresh.status == "Cancelling" or hasattr(group, "status"):
        refresh.end("Cancelled")
        return
    if "InstanceRefresh" not in group._suspended_processes:
        refresh.status = "InProgress"
        old = refresh.outdated(group)
        if not old and all(state.lifecycle_state == "InService" for state in staying(group)):
            refresh.end("Successful")
            return
        for state in old[: _room(group, refresh)]:
            retire(emulator, group, state)
        refresh.outdated(group)
        reconcile(emulator, group)
    emulator.clock.after(emulator.delays.refreshStepMs, lambda: _advance(emulator, group, refresh))


def _room(group: Any, refresh: InstanceRefresh) -> int:
    """How many may be replaced now: while new ones start none, else what the least healthy percentage leaves, at least one."""
    healthy = [state for state in staying(group) if state.lifecycle_state == "InService"]
    if len(healthy) < len(staying(group)) or len(healthy) < int(group.desired_capacity or 0):
        return 0
    percentage = int(refresh.preferences.get("MinHealthyPercentage") or _DEFAULT_MIN_HEALTHY)
    return max(1, len(healthy) - math.ceil(int(group.desired_capacity or 0) * percentage / 100))
