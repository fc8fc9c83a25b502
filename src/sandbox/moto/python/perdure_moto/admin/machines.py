"""What the machine host may say about a machine: it died, it shut itself down, it started again."""

from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Instance, StateReason

from ..emulator import Emulator
from ..patches.instance_states import set_state

_STOPPED_REASON = ("Client.InstanceInitiatedShutdown: Instance initiated shutdown", "Client.InstanceInitiatedShutdown")
_FAILED_REASON = ("Server.InternalError: Internal error on launch", "Server.InternalError")


def report_machine(emulator: Emulator, instance_id: str, report: dict[str, Any]) -> dict[str, Any]:
    """Applies `{event}`; repeatable.

    `shutdown`: the guest powered off; `died`: the host failed it; `running`: it started; `console`: it only printed.
    """
    instance = _find(instance_id)
    if report.get("console"):
        emulator.consoles[instance_id] = str(report["console"])
    event = report.get("event")
    if event == "console":
        return {"id": instance_id, "state": instance.state}
    if event == "shutdown":
        _guest_shutdown(emulator, instance)
    elif event == "died":
        _end(emulator, instance, _FAILED_REASON)
    elif event == "running":
        if instance.state in ("pending", "stopped"):
            set_state(instance, "running")
    else:
        raise ValueError(f"machine event is '{event}', must be shutdown, died, running or console")
    emulator.touch()
    return {"id": instance_id, "state": instance.state}


def _find(instance_id: str) -> Instance:
    for _, _, backend in list(ec2_backends.iter_backends()):
        instance = backend.get_instance_by_id(instance_id)
        if instance:
            return instance
    raise ValueError(f"no instance '{instance_id}'")


def _guest_shutdown(emulator: Emulator, instance: Any) -> None:
    """A power-off inside the guest stops or terminates, as InstanceInitiatedShutdownBehavior says."""
    if instance.state not in ("pending", "running"):
        return
    if instance.instance_initiated_shutdown_behavior == "terminate":
        _end(emulator, instance, _STOPPED_REASON)
        return
    set_state(instance, "stopped")
    instance.state_reason = StateReason(*_STOPPED_REASON)


def _end(emulator: Emulator, instance: Any, reason: tuple[str, str]) -> None:
    if instance.state in ("shutting-down", "terminated"):
        return
    emulator.end_reasons[instance.id] = reason
    instance.terminate()
