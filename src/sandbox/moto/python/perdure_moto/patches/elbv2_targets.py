"""Targets and their health: registered per id and port, healthy when the machine host says so, draining for a while."""

from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup

from ..emulator import Emulator
from ..patching import wrap
from .errors import ElbError


def install(emulator: Emulator) -> None:
    """Applies the patches."""
    _patch_registration(emulator)
    _patch_health(emulator)


def _patch_registration(emulator: Emulator) -> None:
    @wrap(FakeTargetGroup, "register")
    def register(original: Any, self: Any, targets: list[dict[str, Any]]) -> None:
        for target in targets:
            _check_target(self, target)
        for target in targets:
            port = int(target.get("Port") or self.port)
            key = f"{target['Id']}:{port}"
            self.deregistered_targets.pop(key, None)
            if key in self.targets:
                continue
            entry = {"Id": target["Id"], "Port": port, "Settling": True}
            self.targets[key] = entry
            emulator.clock.after(emulator.delays.targetRegistrationMs, lambda entry=entry: entry.update(Settling=False))

    @wrap(FakeTargetGroup, "deregister")
    def deregister(original: Any, self: Any, targets: list[dict[str, Any]]) -> None:
        """An unknown target is no error; a given port must match the registered one."""
        for target in targets:
            keys = [f"{target['Id']}:{int(target['Port'])}"] if target.get("Port") else _keys_of(self, [target["Id"]])
            _drain(emulator, self, keys)

    @wrap(FakeTargetGroup, "deregister_terminated_instances")
    def deregister_terminated(original: Any, self: Any, instance_ids: list[str]) -> None:
        _drain(emulator, self, _keys_of(self, instance_ids))


def _keys_of(group: Any, ids: list[str]) -> list[str]:
    return [key for key, target in group.targets.items() if target["Id"] in ids]


def _drain(emulator: Emulator, group: Any, keys: list[str]) -> None:
    for key in keys:
        target = group.targets.pop(key, None)
        if target is None:
            continue
        group.deregistered_targets[key] = target

        def gone(key: str = key, target: Any = target) -> None:
            if group.deregistered_targets.get(key) is target:
                del group.deregistered_targets[key]

        emulator.clock.after(emulator.delays.targetDrainingMs, gone)


def _check_target(group: Any, target: dict[str, Any]) -> None:
    if group.target_type != "instance":
        return
    instance = group.ec2_backend.get_instance_by_id(target["Id"])
    if instance is None:
        raise ElbError("InvalidTarget", f"The instance IDs '{target['Id']}' are not valid")
    if getattr(group, "ip_address_type", "") == "ipv6" and not any(
        getattr(interface, "has_primary_ipv6", False) for interface in instance.nics.values()
    ):
        message = f"The following targets do not have a primary IPv6 address: '{target['Id']}'"
        raise ElbError("InvalidTarget", message)
    if instance.state != "running":
        raise ElbError(
            "InvalidTarget",
            f"The following targets are not in a running state and cannot be registered: '{target['Id']}'",
        )
    if instance.vpc_id != group.vpc_id:
        raise ElbError(
            "InvalidTarget", f"The following targets are not in the target group VPC '{group.vpc_id}': '{target['Id']}'"
        )


def _patch_health(emulator: Emulator) -> None:
    @wrap(ELBv2Backend, "describe_target_health")
    def describe(
        original: Any, self: Any, target_group_arn: str, targets: list[dict[str, Any]]
    ) -> list[FakeHealthStatus]:
        group = self.target_groups.get(target_group_arn)
        if group is None:
            raise ElbError("TargetGroupNotFound", f"Target groups '{target_group_arn}' not found")
        if not targets:
            targets = [*group.targets.values(), *group.deregistered_targets.values()]
        return [group.health_for(target, self.ec2_backend) for target in targets]

    @wrap(FakeTargetGroup, "health_for")
    def health_for(original: Any, self: Any, target: dict[str, Any], ec2_backend: Any) -> FakeHealthStatus:
        port = int(target.get("Port") or self.port)
        key = f"{target['Id']}:{port}"
        state, reason, description = _health(emulator, self, key, ec2_backend)
        check_port = self.health_check_port
        shown = str(port) if check_port == "traffic-port" else str(check_port)
        return FakeHealthStatus(target["Id"], str(port), shown, state, reason, description)


def _health(emulator: Emulator, group: Any, key: str, ec2_backend: Any) -> tuple[str, str | None, str | None]:
    if key in group.deregistered_targets:
        return "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"
    target = group.targets.get(key)
    if target is None:
        return "unused", "Target.NotRegistered", "Target is not registered to the target group"
    if not group.load_balancer_arns:
        return "unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"
    names, instance = [target["Id"]], None
    if group.target_type == "instance":
        instance = ec2_backend.get_instance_by_id(target["Id"])
        if instance is None or instance.state != "running":
            state = instance.state if instance else "terminated"
            return "unused", "Target.InvalidState", f"Target is in the {state} state"
        names.append(str(instance.private_ip))
    if target["Settling"]:
        return "initial", "Elb.RegistrationInProgress", "Target registration is in progress"
    check_port = group.health_check_port
    report = emulator.health.healthy(names, target["Port"] if check_port == "traffic-port" else check_port)
    if report is None:
        return "initial", "Elb.InitialHealthChecking", "Initial health checks in progress"
    return ("healthy", None, None) if report else ("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
