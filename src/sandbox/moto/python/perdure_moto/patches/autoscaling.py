"""Auto Scaling groups: instances of the version of the launch template that the group names, spread over its subnets,

states that take time, replacement of what ended, hooks and deletion as AWS has them.
"""

from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError
from moto.autoscaling.models import (
    ASG_NAME_TAG,
    AutoScalingBackend,
    FakeAutoScalingGroup,
    InstanceState,
    TerminateInstanceActivity,
)
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models.instances import Instance
from moto.ec2.utils import convert_tag_spec, parse_user_data

from ..emulator import Emulator
from ..patching import wrap, wrap_property
from .launch import _keep_request

STAYING = ("Pending", "InService")


def install(emulator: Emulator) -> None:
    """Applies the patches."""
    _patch_sizes(emulator)
    _patch_create()
    _patch_update()
    _patch_delete(emulator)
    _patch_hooks()
    _patch_lost_instances(emulator)
    _patch_terminate(emulator)
    _patch_instance_template()


def staying(group: Any) -> list[Any]:
    """Instances that are in the group to stay, or on their way in."""
    return [state for state in group.instance_states if state.lifecycle_state in STAYING]


def _patch_sizes(emulator: Emulator) -> None:
    @wrap(FakeAutoScalingGroup, "set_desired_capacity")
    def set_desired_capacity(original: Any, self: Any, new_capacity: int | None) -> None:
        if self.launch_config:
            original(self, new_capacity)
            return
        self.desired_capacity = self.min_size if new_capacity is None else new_capacity
        reconcile(emulator, self)
        if self.name in self.autoscaling_backend.autoscaling_groups:
            self.autoscaling_backend.update_attached_elbs(self.name)
            self.autoscaling_backend.update_attached_target_groups(self.name)

    @wrap(FakeAutoScalingGroup, "active_instances")
    def active_instances(original: Any, self: Any) -> list[Any]:
        return original(self) if self.launch_config else staying(self)

    @wrap(AutoScalingResponse, "set_desired_capacity")
    def respond(original: Any, self: Any) -> Any:
        group = _group_of(self)
        wanted = self._get_int_param("DesiredCapacity")
        _check_sizes(group.min_size, group.max_size, wanted)
        return original(self)


def reconcile(emulator: Emulator, group: Any) -> None:
    """Launches what is missing and retires what is too much, unless that process is suspended."""
    suspended = group._suspended_processes
    missing = int(group.desired_capacity or 0) - len(staying(group))
    if missing > 0 and "Launch" not in suspended:
        for _ in range(missing):
            _launch(emulator, group)
    if missing < 0 and "Terminate" not in suspended:
        for state in _to_retire(group, -missing):
            retire(emulator, group, state)


def _to_retire(group: Any, count: int) -> list[Any]:
    """The default policy: from the zone with most instances, the one of the oldest template, then the oldest."""
    chosen: list[Any] = []
    left = [state for state in staying(group) if not state.protected_from_scale_in]
    while left and len(chosen) < count:
        zones = [state.availability_zone for state in left]
        fullest = max(sorted(set(zones)), key=zones.count)
        candidates = [state for state in left if state.availability_zone == fullest]
        state = min(candidates, key=lambda s: (s.template_version, s.instance.launch_time, s.instance_id))
        chosen.append(state)
        left.remove(state)
    return chosen


def retire(emulator: Emulator, group: Any, state: Any) -> None:
    """Takes an instance out of the group: it is shown as terminating until it has ended."""
    state.lifecycle_state = "Terminating"
    if state.instance.state not in ("shutting-down", "terminated"):
        state.instance.terminate()

    def forget() -> None:
        group.instance_states = [s for s in group.instance_states if s is not state]

    emulator.clock.after(emulator.delays.instanceShuttingDownMs, forget)


def _launch(emulator: Emulator, group: Any) -> None:
    version = group.ec2_launch_template.get_version(group.launch_template_version)
    data = dict(version.data)
    backend = group.ec2_backend
    subnet = _emptiest_subnet(group)
    tags = convert_tag_spec(data.get("TagSpecifications") or [])
    template_tags = {
        "aws:ec2launchtemplate:id": version.template.id,
        "aws:ec2launchtemplate:version": str(version.number),
    }
    instance_tags = {**group.get_propagated_tags(), **tags.get("instance", {}), **template_tags, ASG_NAME_TAG: group.name}
    profile = data.get("IamInstanceProfile") or {}
    mappings = data.get("BlockDeviceMappings")
    reservation = backend.run_instances(
        version.image_id,
        1,
        _user_data(data),
        [],
        instance_type=_instance_type(group, data),
        is_instance_type_default=False,
        placement=subnet.availability_zone,
        placement_hostid=(data.get("Placement") or {}).get("HostId"),
        region_name=group.region,
        subnet_id=subnet.id,
        key_name=data.get("KeyName"),
        security_group_ids=list(data.get("SecurityGroupIds") or []),
        nics=[],
        tags={**tags, "instance": instance_tags},
        instance_market_options=(data.get("InstanceMarketOptions") or {}).get("MarketType", {}),
        metadata_options=data.get("MetadataOptions") or {},
        monitoring_state="disabled",
        **({"block_device_mappings": mappings} if mappings else {}),
    )
    instance = reservation.instances[0]
    _keep_request(instance, data)
    if profile.get("Name"):
        backend.associate_iam_instance_profile(instance_id=instance.id, iam_instance_profile_name=profile["Name"])
    instance.autoscaling_group = group
    state = InstanceState(
        instance,
        lifecycle_state="Pending",
        protected_from_scale_in=group.new_instances_protected_from_scale_in,
    )
    state.template_version = version.number
    group.instance_states.append(state)

    def in_service() -> None:
        if state.lifecycle_state == "Pending" and instance.state == "running":
            state.lifecycle_state = "InService"

    emulator.clock.after(emulator.delays.instancePendingMs, in_service)


def _user_data(data: dict[str, Any]) -> Any:
    """moto parses the user data of a template's first version only."""
    user_data = data.get("UserData")
    return parse_user_data(user_data) if isinstance(user_data, str) else user_data


def _emptiest_subnet(group: Any) -> Any:
    subnets = [group.ec2_backend.get_subnet(part) for part in str(group.vpc_zone_identifier).split(",")]
    used = [state.instance.subnet_id for state in staying(group)]
    return min(subnets, key=lambda subnet: (used.count(subnet.id), subnets.index(subnet)))


def _instance_type(group: Any, data: dict[str, Any]) -> str:
    overrides = ((group.mixed_instances_policy or {}).get("LaunchTemplate") or {}).get("Overrides") or []
    return str(next((o["InstanceType"] for o in overrides if o.get("InstanceType")), data.get("InstanceType", "")))


def _group_of(response: Any) -> Any:
    name = response._get_param("AutoScalingGroupName")
    group = response.autoscaling_backend.autoscaling_groups.get(name)
    if group is None:
        raise AutoscalingClientError("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup {name} not found")
    return group


def _check_sizes(smallest: int, largest: int, desired: int | None) -> None:
    if smallest > largest:
        raise AutoscalingClientError("ValidationError", "Min bound, min size, is greater than the max bound")
    if desired is not None and not smallest <= desired <= largest:
        message = f"Desired capacity:{desired} must be between the specified min size:{smallest} and max size:{largest}"
        raise AutoscalingClientError("ValidationError", message)


def _subnet_list(response: Any) -> None:
    """AWS allows blanks in the list of subnets."""
    params = response._get_params()
    if params.get("VPCZoneIdentifier"):
        params["VPCZoneIdentifier"] = params["VPCZoneIdentifier"].replace(" ", "")


def _keep_settings(response: Any, group: Any) -> None:
    if (cooldown := response._get_int_param("DefaultCooldown")) is not None:
        group.default_cooldown = cooldown
    if (warmup := response._get_int_param("DefaultInstanceWarmup")) is not None:
        group.default_instance_warmup = warmup
    if response._get_param("CapacityRebalance") is not None:
        group.capacity_rebalance = response._get_bool_param("CapacityRebalance", False)


def _patch_create() -> None:
    @wrap(AutoScalingResponse, "create_auto_scaling_group")
    def create(original: Any, self: Any) -> Any:
        name = self._get_param("AutoScalingGroupName")
        if name in self.autoscaling_backend.autoscaling_groups:
            message = "AutoScalingGroup by this name already exists - A group with the name already exists"
            raise AutoscalingClientError("AlreadyExists", message)
        _check_sizes(
            self._get_int_param("MinSize"), self._get_int_param("MaxSize"), self._get_int_param("DesiredCapacity")
        )
        _subnet_list(self)
        result = original(self)
        group = _group_of(self)
        _keep_settings(self, group)
        for hook in self._get_params().get("LifecycleHookSpecificationList") or []:
            _put_hook(self.autoscaling_backend, name, hook)
        return result


def _patch_update() -> None:
    @wrap(AutoScalingResponse, "update_auto_scaling_group")
    def update(original: Any, self: Any) -> Any:
        group = _group_of(self)
        smallest, largest = self._get_int_param("MinSize"), self._get_int_param("MaxSize")
        smallest = group.min_size if smallest is None else smallest
        largest = group.max_size if largest is None else largest
        _check_sizes(smallest, largest, self._get_int_param("DesiredCapacity"))
        _subnet_list(self)
        result = original(self)
        _keep_settings(self, group)
        return result

    @wrap(FakeAutoScalingGroup, "update")
    def keep_policy(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        """A change that names no template leaves the one that is there."""
        if not kwargs.get("launch_template") and not kwargs.get("mixed_instances_policy"):
            kwargs["mixed_instances_policy"] = self.mixed_instances_policy
        original(self, *args, **kwargs)


def _patch_delete(emulator: Emulator) -> None:
    @wrap(AutoScalingResponse, "delete_auto_scaling_group")
    def delete(original: Any, self: Any) -> Any:
        group = _group_of(self)
        if group.launch_config:
            return original(self)
        if group.instance_states and not self._get_bool_param("ForceDelete", False):
            message = "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s)"
            raise AutoscalingClientError("ResourceInUse", message)
        group.status = "Delete in progress"
        group.min_size = group.max_size = group.desired_capacity = 0
        for state in staying(group):
            retire(emulator, group, state)
        backend = self.autoscaling_backend

        def gone() -> None:
            if backend.autoscaling_groups.get(group.name) is group:
                del backend.autoscaling_groups[group.name]
            for key, hook in list(backend.lifecycle_hooks.items()):
                if hook.auto_scaling_group_name == group.name:
                    del backend.lifecycle_hooks[key]

        emulator.clock.after(emulator.delays.groupDeletingMs, gone)
        return EmptyResult()


def _put_hook(backend: Any, group_name: str, spec: dict[str, Any]) -> None:
    timeout = spec.get("HeartbeatTimeout")
    hook = backend.create_lifecycle_hook(
        name=spec["LifecycleHookName"],
        as_name=group_name,
        transition=spec["LifecycleTransition"],
        timeout=int(timeout) if timeout else None,
        result=spec.get("DefaultResult"),
    )
    hook.role_arn = spec.get("RoleARN")
    hook.notification_target_arn = spec.get("NotificationTargetARN")
    hook.notification_metadata = spec.get("NotificationMetadata")
    hook.global_timeout = min(172_800, 100 * hook.heartbeat_timeout)


def _patch_hooks() -> None:
    @wrap(AutoScalingResponse, "put_lifecycle_hook")
    def put_lifecycle_hook(original: Any, self: Any) -> ActionResult:
        group = _group_of(self)
        params = self._get_params()
        if not params.get("LifecycleTransition"):
            raise AutoscalingClientError("ValidationError", "A lifecycle transition is required")
        _put_hook(self.autoscaling_backend, group.name, params)
        return EmptyResult()


def _patch_lost_instances(emulator: Emulator) -> None:
    """Whoever ends an instance of a group: the group notices and launches another one."""

    @wrap(Instance, "terminate")
    def terminate(original: Any, self: Any) -> Any:
        result = original(self)
        group = getattr(self, "autoscaling_group", None)
        state = next((s for s in group.instance_states if s.instance is self), None) if group else None
        if state and state.lifecycle_state in STAYING and not group.launch_config:
            state.health_status = "Unhealthy"
            retire(emulator, group, state)
            emulator.clock.after(emulator.delays.groupHealthCheckMs, lambda: _replace(emulator, group))
        return result

    @wrap(AutoScalingBackend, "notify_terminate_instances")
    def notify(original: Any, self: Any, instance_ids: list[str]) -> None:
        """Told by `terminate` already, for groups that have a launch template."""
        if any(group.launch_config for group in self.autoscaling_groups.values()):
            original(self, instance_ids)


def _patch_terminate(emulator: Emulator) -> None:
    """The instance is shown as terminating until it has ended; the group gets smaller, or another one at once."""

    @wrap(AutoScalingResponse, "terminate_instance_in_auto_scaling_group")
    def terminate(original: Any, self: Any) -> Any:
        instance_id = self._get_param("InstanceId")
        groups = self.autoscaling_backend.autoscaling_groups.values()
        found = next(((g, s) for g in groups for s in g.instance_states if s.instance_id == instance_id), None)
        if found is None:
            message = f"Instance Id not found - No managed instance found for instance ID: {instance_id}"
            raise AutoscalingClientError("ValidationError", message)
        group, state = found
        if group.launch_config:
            return original(self)
        size = group.desired_capacity
        if self._get_bool_param("ShouldDecrementDesiredCapacity", False):
            _check_decrement(group)
            group.desired_capacity = size - 1
        if state.lifecycle_state in STAYING:
            retire(emulator, group, state)
        reconcile(emulator, group)
        return ActionResult({"Activity": TerminateInstanceActivity(state.instance, size)})


def _check_decrement(group: Any) -> None:
    if group.desired_capacity <= group.min_size:
        message = (
            f"Currently, desiredSize equals minSize ({group.min_size}). Terminating instance without replacement will "
            "violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's "
            "min size."
        )
        raise AutoscalingClientError("ValidationError", message)


def _replace(emulator: Emulator, group: Any) -> None:
    if group.autoscaling_backend.autoscaling_groups.get(group.name) is group and not hasattr(group, "status"):
        reconcile(emulator, group)


def _patch_instance_template() -> None:
    @wrap_property(InstanceState, "launch_template")
    def launch_template(original: Any, self: Any) -> Any:
        shown = original(self)
        version = getattr(self, "template_version", None)
        return {**shown, "Version": str(version)} if shown and version is not None else shown
