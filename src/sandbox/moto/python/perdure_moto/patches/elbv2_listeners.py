"""Listeners and target groups: found again by equal settings, refused for others, linked by forwarding."""

from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeTargetGroup

from ..emulator import Emulator
from ..patching import wrap
from .errors import ElbError

_GROUP_SETTINGS = (
    "protocol",
    "protocol_version",
    "port",
    "vpc_id",
    "target_type",
    "ip_address_type",
    "health_check_protocol",
    "health_check_port",
    "health_check_path",
    "health_check_enabled",
    "health_check_interval_seconds",
    "health_check_timeout_seconds",
    "healthy_threshold_count",
    "unhealthy_threshold_count",
)


def install(emulator: Emulator) -> None:
    """Applies the patches."""
    # Whatever moto appends to this list is forgotten: the listeners know better.
    FakeTargetGroup.load_balancer_arns = property(_load_balancers_of, lambda self, value: None)
    _patch_listeners()
    _patch_target_groups()


def _load_balancers_of(group: Any) -> list[str]:
    from moto.elbv2.models import elbv2_backends

    backend = elbv2_backends[group.account_id][group.region_name]
    return [
        lb.arn
        for lb in backend.load_balancers.values()
        if any(group.arn in _forwarded_by(backend, listener) for listener in lb.listeners.values())
    ]


def _forwarded_by(backend: Any, listener: Any) -> set[str]:
    actions = [action for rule in listener.rules.values() for action in rule.actions]
    return {arn for action in actions for arn in backend._get_target_group_arns_from(action.data)}


def _patch_listeners() -> None:
    @wrap(ELBv2Backend, "create_listener")
    def create(
        original: Any, self: Any, load_balancer_arn: str, protocol: str, port: Any, *args: Any, **kwargs: Any
    ) -> Any:
        lb = self.load_balancers.get(load_balancer_arn)
        wanted = {arn for action in kwargs.get("actions") or [] for arn in self._get_target_group_arns_from(action)}
        for listener in lb.listeners.values() if lb else []:
            if int(listener.port) != int(port):
                continue
            if listener.protocol == (protocol or "").upper() and wanted == _forwarded_by(self, listener):
                return listener
            raise ElbError("DuplicateListener", "A listener already exists on this port for this load balancer")
        for arn in sorted(wanted):
            _check_forward(self, lb, arn)
        return original(self, load_balancer_arn, protocol, port, *args, **kwargs)

    @wrap(ELBv2Backend, "delete_listener")
    def delete(original: Any, self: Any, listener_arn: str) -> Any:
        self.tagging_service.delete_all_tags_for_resource(listener_arn)
        return original(self, listener_arn)


def _check_forward(backend: Any, lb: Any, group_arn: str) -> None:
    group = backend.target_groups.get(group_arn)
    if group is None:
        raise ElbError("TargetGroupNotFound", f"Target group '{group_arn}' not found")
    if any(lb is None or arn != lb.arn for arn in group.load_balancer_arns):
        message = f"The following target groups cannot be associated with more than one load balancer: {group_arn}"
        raise ElbError("TargetGroupAssociationLimit", message)


def _patch_target_groups() -> None:
    @wrap(ELBv2Backend, "create_target_group")
    def create(original: Any, self: Any, name: str, **kwargs: Any) -> Any:
        existing = next((group for group in self.target_groups.values() if group.name == name), None)
        if existing is None:
            return original(self, name, **kwargs)
        # What would this request make? Made aside, so that defaults count as settings too.
        del self.target_groups[existing.arn]
        try:
            wanted = original(self, name, **{**kwargs, "tags": None})
        finally:
            self.target_groups[existing.arn] = existing
        del self.target_groups[wanted.arn]
        if all(str(getattr(existing, key)) == str(getattr(wanted, key)) for key in _GROUP_SETTINGS):
            return existing
        message = f"A target group with the same name '{name}' exists, but with different settings"
        raise ElbError("DuplicateTargetGroupName", message)

    @wrap(ELBv2Backend, "delete_target_group")
    def delete(original: Any, self: Any, target_group_arn: str) -> Any:
        """Deleting what is not there succeeds: the API lists no error for it."""
        if target_group_arn not in self.target_groups:
            return None
        deleted = original(self, target_group_arn)
        self.tagging_service.delete_all_tags_for_resource(target_group_arn)
        return deleted
