"""Instances take time: pending, running, stopping, stopped, shutting-down, terminated, and gone after a while."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState, StateReason
from moto.ec2.responses._base_response import EC2BaseResponse
from moto.ec2.responses.instances import InstanceResponse

from ..emulator import Emulator
from ..patching import wrap, wrap_property
from .addressing import private_domain
from .elb import deregister_terminated
from .instance_events import tell_state

_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
_ADDRESS_PROPERTIES = ("private_ip", "private_ip_address", "public_ip", "public_ip_address", "vpc_id", "subnet_id")


def set_state(instance: Instance, name: str) -> None:
    """Moves an instance to `name`, with the code AWS pairs with it."""
    instance._state = InstanceState(name, _CODES[name])
    tell_state(instance, name)


def install(emulator: Emulator) -> None:
    """Applies the patches."""
    _patch_launch(emulator)
    _patch_terminate(emulator)
    _patch_stop_and_start(emulator)
    _patch_responses()
    _patch_what_terminated_instances_show()


def _patch_launch(emulator: Emulator) -> None:
    @wrap(InstanceBackend, "run_instances")
    def run_instances(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        reservation = original(self, *args, **kwargs)
        for instance in reservation.instances:
            begin_pending(emulator, instance)
        return reservation


def begin_pending(emulator: Emulator, instance: Instance) -> None:
    """Puts an instance into pending and lets it run after the configured time."""
    set_state(instance, "pending")

    def run() -> None:
        if instance.state == "pending":
            set_state(instance, "running")

    emulator.clock.after(emulator.delays.instancePendingMs, run)


def begin_shutting_down(emulator: Emulator, instance: Instance, finish: Any) -> None:
    """Puts an instance into shutting-down and terminates it after the configured time; `finish` is moto's terminate."""
    set_state(instance, "shutting-down")
    for nic in instance.nics.values():
        nic.stop()
    _leave_load_balancers(instance)

    def terminate() -> None:
        if instance.state != "shutting-down":
            return
        kept = [nic for nic in instance.nics.values() if not nic.delete_on_termination]
        finish(instance)
        if instance.id in emulator.end_reasons:
            instance.state_reason = StateReason(*emulator.end_reasons.pop(instance.id))
        for nic in kept:
            instance.detach_eni(nic)
        instance.nics = {}
        backend = instance.ec2_backend
        emulator.clock.after(emulator.delays.instanceTerminatedVisibleMs, lambda: _forget(backend, instance))

    emulator.clock.after(emulator.delays.instanceShuttingDownMs, terminate)


def _leave_load_balancers(instance: Instance) -> None:
    from moto.elbv2.models import elbv2_backends

    backend = instance.ec2_backend
    elbv2_backends[backend.account_id][backend.region_name].notify_terminate_instances([instance.id])
    deregister_terminated(backend.account_id, backend.region_name, instance.id)


def _forget(backend: Any, instance: Instance) -> None:
    for reservation_id, reservation in list(backend.reservations.items()):
        reservation.instances = [i for i in reservation.instances if i is not instance]
        if not reservation.instances:
            del backend.reservations[reservation_id]
    backend.tags.pop(instance.id, None)


def _patch_terminate(emulator: Emulator) -> None:
    @wrap(Instance, "terminate")
    def terminate(original: Any, self: Any) -> InstanceState:
        previous = InstanceState(self._state.name, self._state.code)
        if self.state not in ("shutting-down", "terminated"):
            begin_shutting_down(emulator, self, original)
        return previous

    @wrap(Instance, "teardown_defaults")
    def teardown_defaults(original: Any, self: Any) -> None:
        """Elastic IPs went with deleted interfaces; on one that stays, the address stays too."""
        for address in self.ec2_backend.addresses:
            if address.instance is self:
                address.instance = None
        original(self)


def _patch_stop_and_start(emulator: Emulator) -> None:
    @wrap(Instance, "stop")
    def stop(original: Any, self: Any) -> InstanceState:
        previous = InstanceState(self._state.name, self._state.code)
        if self.state in ("stopping", "stopped"):
            return previous
        original(self)
        set_state(self, "stopping")

        def stopped() -> None:
            if self.state == "stopping":
                set_state(self, "stopped")

        emulator.clock.after(emulator.delays.instanceStoppingMs, stopped)
        return previous

    @wrap(Instance, "start")
    def start(original: Any, self: Any) -> InstanceState:
        previous = InstanceState(self._state.name, self._state.code)
        if self.state in ("pending", "running"):
            return previous
        original(self)
        begin_pending(emulator, self)
        return previous

    @wrap(Instance, "reboot")
    def reboot(original: Any, self: Any) -> None:
        if self.state == "running":
            original(self)


def _patch_responses() -> None:
    EC2BaseResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER.pop("RunInstances.Reservation.Instances.Instance.State")

    def answer_current_state(method: str, key: str) -> None:
        @wrap(InstanceResponse, method)
        def respond(original: Any, self: Any) -> ActionResult:
            result: Any = original(self)
            for change in result.result[key]:
                instance = self.ec2_backend.get_instance(change["InstanceId"])
                change["CurrentState"] = {"Code": instance.state_code, "Name": instance.state}
            return result

    answer_current_state("terminate_instances", "TerminatingInstances")
    answer_current_state("stop_instances", "StoppingInstances")
    answer_current_state("start_instances", "StartingInstances")


def _patch_what_terminated_instances_show() -> None:
    """A terminated instance has no network any more: no addresses, subnet, VPC or interfaces."""
    for name in _ADDRESS_PROPERTIES:

        @wrap_property(Instance, name)
        def shown(original: Any, self: Any) -> Any:
            return None if _has_no_network(self) else original(self)

    @wrap_property(Instance, "private_dns_name")
    def private_dns_name(original: Any, self: Any) -> str:
        if _has_no_network(self):
            return ""
        options = getattr(self, "private_dns_name_options", {})
        if options.get("HostnameType") == "resource-name":
            return f"{self.id}.{private_domain(self.region_name)}"
        return str(original(self))


def _has_no_network(instance: Any) -> bool:
    return instance.state == "terminated" and not getattr(instance, "nics", None)
