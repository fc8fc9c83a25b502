"""Classic load balancers: names, DNS names, registration and health as the API documents them."""

import zlib
from typing import Any

from moto.ec2.models import ec2_backends
from moto.elb.models import ELBBackend, FakeHealthCheck, LoadBalancer
from moto.elb.responses import ELBResponse

from ..emulator import Emulator
from ..patching import wrap
from . import elb_interfaces
from .errors import ElbError

_DESCRIBE_LIMIT = 20
_REQUEST_KEYS = ("AvailabilityZones", "Listeners", "Scheme", "Subnets", "SecurityGroups")


def install(emulator: Emulator) -> None:
    """Applies the patches."""
    _patch_create()
    _patch_tags()
    _patch_delete(emulator)
    _patch_settings()
    _patch_registration()
    _patch_health(emulator)


def _patch_create() -> None:
    @wrap(ELBResponse, "create_load_balancer")
    def respond(original: Any, self: Any) -> Any:
        """Asking again for the same is answered with the same; other settings or tags are refused."""
        params = self._get_params()
        name = params["LoadBalancerName"]
        request = {key: _plain(params.get(key)) for key in _REQUEST_KEYS}
        tags = {tag["Key"]: tag.get("Value", "") for tag in params.get("Tags") or []}
        existing = self.elb_backend.load_balancers.get(name)
        if existing is None:
            result = original(self)
            self.elb_backend.load_balancers[name].request = request
            return result
        if existing.request != request:
            raise ElbError(
                "DuplicateLoadBalancerName",
                f"Load Balancer named {name} already exists and it is configured with different parameters.",
            )
        if existing.tags != tags:
            raise ElbError(
                "DuplicateLoadBalancerName",
                f"Load Balancer named {name} already exists and it is configured with different tags.",
            )
        from moto.core.responses import ActionResult

        return ActionResult({"DNSName": existing.dns_name})

    @wrap(ELBBackend, "create_load_balancer")
    def create(original: Any, self: Any, name: str, zones: list[str], ports: list[Any], **kwargs: Any) -> LoadBalancer:
        backend = ec2_backends[self.account_id][self.region_name]
        subnets = [_subnet(backend, subnet_id) for subnet_id in kwargs.get("subnets") or []]
        if subnets and not kwargs.get("security_groups"):
            kwargs["security_groups"] = [backend.get_default_security_group(subnets[0].vpc_id).id]
        scheme = kwargs.get("scheme") or "internet-facing"
        if subnets and scheme == "internet-facing":
            vpc_id = subnets[0].vpc_id
            if (
                not any(igw.vpc and igw.vpc.id == vpc_id for igw in backend.internet_gateways.values())
                and not backend.vpcs[vpc_id].is_default
            ):
                raise ElbError("InvalidSubnet", f"VPC {vpc_id} has no internet gateway")
        lb: LoadBalancer = original(self, name, zones, ports, **kwargs)
        lb.request = {}
        lb.health_check = _default_health_check(ports)
        number = zlib.crc32(f"{self.account_id}/{self.region_name}/{name}".encode())
        prefix = "internal-" if lb.scheme == "internal" else ""
        lb.dns_name = f"{prefix}{name}-{number}.{self.region_name}.elb.amazonaws.com"
        lb.availability_zones = sorted({s.availability_zone for s in subnets}) or zones
        public = lb.scheme == "internet-facing"
        elb_interfaces.add_interfaces(
            self.account_id, self.region_name, name, subnets, lb.security_groups, "interface", public
        )
        return lb


def _default_health_check(ports: list[Any]) -> FakeHealthCheck:
    """A new balancer checks the instance port of its first listener, until it is configured otherwise."""
    port = ports[0].get("InstancePort", 80) if ports else 80
    return FakeHealthCheck(
        timeout="5", healthy_threshold="10", unhealthy_threshold="2", interval="30", target=f"TCP:{port}"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return sorted((_plain(v) for v in value), key=str)
    return value


def _subnet(backend: Any, subnet_id: str) -> Any:
    for zone in backend.subnets.values():
        if subnet_id in zone:
            return zone[subnet_id]
    raise ElbError("SubnetNotFound", f"The subnet ID '{subnet_id}' does not exist")


def _patch_tags() -> None:
    @wrap(ELBResponse, "describe_tags")
    def describe_tags(original: Any, self: Any) -> Any:
        if len(self._get_param("LoadBalancerNames", [])) > _DESCRIBE_LIMIT:
            message = f"Up to {_DESCRIBE_LIMIT} load balancers can be described in a single call"
            raise ElbError("ValidationError", message)
        return original(self)


def _patch_delete(emulator: Emulator) -> None:
    @wrap(ELBBackend, "delete_load_balancer")
    def delete(original: Any, self: Any, load_balancer_name: str) -> None:
        if load_balancer_name in self.load_balancers:
            elb_interfaces.remove_interfaces_later(emulator, self.account_id, self.region_name, load_balancer_name)
        original(self, load_balancer_name)


def _patch_settings() -> None:
    @wrap(ELBBackend, "get_load_balancer")
    def get(original: Any, self: Any, load_balancer_name: str) -> LoadBalancer:
        lb = original(self, load_balancer_name)
        if lb is None:
            raise ElbError("LoadBalancerNotFound", f"There is no ACTIVE Load Balancer named '{load_balancer_name}'")
        return lb

    @wrap(ELBBackend, "modify_load_balancer_attributes")
    def modify(original: Any, self: Any, load_balancer_name: str, **kwargs: Any) -> None:
        attributes = self.get_load_balancer(load_balancer_name).attributes
        before = attributes["additional_attributes"] or [("elb.http.desyncmitigationmode", "defensive")]
        original(self, load_balancer_name, **kwargs)
        if not kwargs.get("additional_attributes"):
            attributes["additional_attributes"] = before

    @wrap(ELBBackend, "describe_load_balancers")
    def describe(original: Any, self: Any, names: list[str]) -> list[LoadBalancer]:
        return [self.get_load_balancer(name) for name in names] if names else list(self.load_balancers.values())

    @wrap(ELBBackend, "delete_load_balancer_listeners")
    def delete_listeners(original: Any, self: Any, name: str, ports: list[Any]) -> LoadBalancer:
        lb: LoadBalancer = self.get_load_balancer(name)
        gone = {int(port) for port in ports}
        lb.listeners = [listener for listener in lb.listeners if int(listener.load_balancer_port) not in gone]
        return lb

    @wrap(ELBBackend, "apply_security_groups_to_load_balancer")
    def apply_groups(original: Any, self: Any, load_balancer_name: str, security_group_ids: list[str]) -> None:
        original(self, load_balancer_name, security_group_ids)
        elb_interfaces.set_groups(self.account_id, self.region_name, load_balancer_name, security_group_ids)

    for method in ("attach_load_balancer_to_subnets", "detach_load_balancer_from_subnets"):

        @wrap(ELBBackend, method)
        def change_subnets(original: Any, self: Any, load_balancer_name: str, subnets: list[str]) -> list[str]:
            original(self, load_balancer_name, subnets)
            lb = self.get_load_balancer(load_balancer_name)
            backend = ec2_backends[self.account_id][self.region_name]
            found = [_subnet(backend, subnet_id) for subnet_id in lb.subnets]
            lb.availability_zones = sorted({s.availability_zone for s in found})
            public = lb.scheme == "internet-facing"
            elb_interfaces.set_subnets(
                self.account_id, self.region_name, load_balancer_name, found, lb.security_groups, "interface", public
            )
            return list(lb.subnets)


def _patch_registration() -> None:
    @wrap(ELBBackend, "register_instances")
    def register(
        original: Any, self: Any, load_balancer_name: str, instance_ids: Any, from_autoscaling: bool = False
    ) -> LoadBalancer:
        lb: LoadBalancer = self.get_load_balancer(load_balancer_name)
        wanted = list(instance_ids)
        _check_instances(self, wanted)
        return original(self, load_balancer_name, [i for i in wanted if i not in lb.instance_ids], from_autoscaling)

    @wrap(ELBBackend, "deregister_instances")
    def deregister(
        original: Any, self: Any, load_balancer_name: str, instance_ids: Any, from_autoscaling: bool = False
    ) -> LoadBalancer:
        lb: LoadBalancer = self.get_load_balancer(load_balancer_name)
        wanted = list(instance_ids)
        _check_instances(self, [i for i in wanted if i not in lb.instance_ids])
        return original(self, load_balancer_name, wanted, from_autoscaling)

    for method in ("register_instances_with_load_balancer", "deregister_instances_from_load_balancer"):

        @wrap(ELBResponse, method)
        def respond(original: Any, self: Any) -> Any:
            result = original(self)
            result.result["Instances"] = self.elb_backend.get_load_balancer(
                self._get_param("LoadBalancerName")
            ).instances
            return result


def _check_instances(elb_backend: Any, instance_ids: list[str]) -> None:
    backend = ec2_backends[elb_backend.account_id][elb_backend.region_name]
    for instance_id in instance_ids:
        instance = backend.get_instance_by_id(instance_id)
        if instance is None or instance.state == "terminated":
            raise ElbError(
                "InvalidInstance", f"EC2 instance {instance_id} is not in the same VPC as ELB or does not exist."
            )


def _patch_health(emulator: Emulator) -> None:
    @wrap(ELBBackend, "describe_instance_health")
    def describe(original: Any, self: Any, lb_name: str, instances: list[dict[str, str]]) -> list[dict[str, Any]]:
        lb = self.get_load_balancer(lb_name)
        backend = ec2_backends[self.account_id][self.region_name]
        wanted = [i["InstanceId"] for i in instances] or list(lb.instance_ids)
        _check_instances(self, [i for i in wanted if i not in lb.instance_ids])
        return [_health(emulator, lb, backend.get_instance_by_id(instance_id), instance_id) for instance_id in wanted]


def _health(emulator: Emulator, lb: Any, instance: Any, instance_id: str) -> dict[str, Any]:
    entry = {"InstanceId": instance_id, "State": "OutOfService", "ReasonCode": "Instance"}
    if instance_id not in lb.instance_ids:
        return {**entry, "Description": "Instance is not currently registered with the LoadBalancer."}
    if instance is None or instance.state != "running":
        return {**entry, "Description": f"Instance is in {instance.state if instance else 'terminated'} state."}
    target = lb.health_check.target if lb.health_check else ""
    port = target.split(":")[-1].split("/")[0] if target else str(lb.listeners[0].instance_port)
    report = emulator.health.healthy([instance_id, str(instance.private_ip)], port)
    if report is None:
        return {**entry, "ReasonCode": "ELB", "Description": "Instance registration is still in progress."}
    if report:
        return {"InstanceId": instance_id, "State": "InService", "ReasonCode": "N/A", "Description": "N/A"}
    return {
        **entry,
        "Description": "Instance has failed at least the UnhealthyThreshold number of health checks consecutively.",
    }


def deregister_terminated(account_id: str, region: str, instance_id: str) -> None:
    """A terminated instance leaves every classic load balancer."""
    from moto.elb.models import elb_backends

    for lb in elb_backends[account_id][region].load_balancers.values():
        lb.instance_sparse_ids = [i for i in lb.instance_sparse_ids if i != instance_id]
