"""How long resources stay in their passing states. Milliseconds everywhere; 0 means by the next request."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Delays:
    """Defaults are short so that tests see every state; `visible` times are AWS's order of magnitude."""

    instancePendingMs: int = 1000
    instanceStoppingMs: int = 1000
    instanceShuttingDownMs: int = 1000
    instanceTerminatedVisibleMs: int = 3_600_000
    natPendingMs: int = 1000
    natDeletingMs: int = 1000
    natDeletedVisibleMs: int = 3_600_000
    loadBalancerProvisioningMs: int = 1000
    loadBalancerInterfacesMs: int = 1000
    targetRegistrationMs: int = 500
    targetDrainingMs: int = 500
    vpcEndpointPendingMs: int = 500
    vpcEndpointDeletingMs: int = 500
    volumeCreatingMs: int = 200
    groupDeletingMs: int = 1000
    groupHealthCheckMs: int = 500
    refreshStepMs: int = 500

    def changed(self, values: dict[str, Any]) -> "Delays":
        """A copy with `values` applied; `allMs` sets every passing state at once. Unknown names are refused."""
        known = {f.name for f in fields(self)}
        merged: dict[str, int] = {}
        every = values.get("allMs")
        if every is not None:
            merged = {name: int(every) for name in known if "Visible" not in name}
        for name, value in values.items():
            if name == "allMs":
                continue
            if name not in known:
                raise ValueError(f"unknown delay '{name}', known are allMs, {', '.join(sorted(known))}")
            merged[name] = int(value)
        if any(value < 0 for value in merged.values()):
            raise ValueError("delays are milliseconds and cannot be negative")
        return replace(self, **merged)

    def to_json(self) -> dict[str, int]:
        """Plain mapping for the admin endpoint."""
        return asdict(self)
