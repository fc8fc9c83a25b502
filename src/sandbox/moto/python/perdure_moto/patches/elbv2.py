"""Network, application and gateway load balancers: names, ARNs, states and settings as the API documents them."""

from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer

from ..emulator import Emulator
from ..patching import wrap
from . import elb_interfaces
from .errors import ElbError

_ARN_KINDS = {"application": "app", "network": "net", "gateway": "gwy"}
_TAG_LIMIT = 50
_DESCRIBE_LIMIT = 20
_INTERFACE_KINDS = {"network": "network_load_balancer", "gateway": "gateway_load_balancer", "application": "interface"}


def install(emulator: Emulator) -> None:
    """Applies the patches."""
    FakeLoadBalancer.activate = lambda self: None
    _patch_create(emulator)
    _patch_delete(emulator)
    _patch_describe()
    _patch_settings()
    _patch_tag_limit()


def owner_name(lb: Any) -> str:
    """`net/name/id`, the part of the ARN that names a load balancer elsewhere."""
    return str(lb.arn.split(":loadbalancer/")[1])


def _patch_create(emulator: Emulator) -> None:
    @wrap(ELBv2Backend, "create_load_balancer")
    def create(
        original: Any, self: Any, name: str, security_groups: list[str], subnet_ids: list[str], **kwargs: Any
    ) -> Any:
        kind = kwargs.get("loadbalancer_type") or "application"
        kwargs["scheme"] = kwargs.get("scheme") or "internet-facing"
        mappings = kwargs.get("subnet_mappings") or []
        wanted_subnets = list(subnet_ids) + [m["SubnetId"] for m in mappings]
        subnets = [_subnet(self, subnet_id) for subnet_id in wanted_subnets]
        groups = _groups(self, kind, security_groups, subnets)
        existing = next((lb for lb in self.load_balancers.values() if lb.name == name), None)
        if existing:
            return _same_or_refuse(existing, kind, kwargs, groups, wanted_subnets)
        _check_network(self, kind, kwargs["scheme"], subnets)
        lb = original(self, name, groups, subnet_ids, **kwargs)
        self.load_balancers.pop(lb.arn)
        tags = self.tagging_service.list_tags_for_resource(lb.arn)["Tags"]
        self.tagging_service.delete_all_tags_for_resource(lb.arn)
        lb.arn = lb.arn.replace(":loadbalancer/app/", f":loadbalancer/{_ARN_KINDS[kind]}/")
        self.load_balancers[lb.arn] = lb
        self.tagging_service.tag_resource(lb.arn, tags)
        lb.dns_name = _dns_name(lb, self.region_name)
        public = lb.scheme == "internet-facing" and kind != "gateway"
        elb_interfaces.add_interfaces(
            self.account_id, self.region_name, owner_name(lb), subnets, groups, _INTERFACE_KINDS[kind], public
        )
        _fix_addresses(self, lb, mappings)

        def activate() -> None:
            if lb.state == "provisioning":
                lb.state = "active"

        emulator.clock.after(emulator.delays.loadBalancerProvisioningMs, activate)
        return lb


def _same_or_refuse(existing: Any, kind: str, kwargs: dict[str, Any], groups: list[str], subnets: list[str]) -> Any:
    """Equal settings answer the existing one, whatever its tags; others are refused."""
    same = (
        existing.type == kind
        and existing.scheme == kwargs["scheme"]
        and existing.ip_address_type == (kwargs.get("ip_address_type") or "ipv4")
        and set(existing.security_groups or []) == set(groups)
        and {subnet.id for subnet in existing.subnets} == set(subnets)
    )
    if same:
        return existing
    message = f"A load balancer with the same name '{existing.name}' exists, but with different settings"
    raise ElbError("DuplicateLoadBalancerName", message)


def _subnet(backend: Any, subnet_id: str) -> Any:
    for zone in backend.ec2_backend.subnets.values():
        if subnet_id in zone:
            return zone[subnet_id]
    raise ElbError("SubnetNotFound", f"The subnet ID '{subnet_id}' does not exist")


def _groups(backend: Any, kind: str, requested: list[str] | None, subnets: list[Any]) -> list[str]:
    for group_id in requested or []:
        if backend.ec2_backend.get_security_group_from_id(group_id) is None:
            raise ElbError("InvalidSecurityGroup", f"One or more security groups are invalid: {group_id}")
    if not requested and kind == "application" and subnets:
        return [backend.ec2_backend.get_default_security_group(subnets[0].vpc_id).id]
    return list(requested or [])


def _check_network(backend: Any, kind: str, scheme: str, subnets: list[Any]) -> None:
    zones = [subnet.availability_zone for subnet in subnets]
    if len(set(zones)) < len(zones):
        raise ElbError(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )
    if kind == "application" and len(set(zones)) < 2:
        raise ElbError("ValidationError", "At least two subnets in two different Availability Zones must be specified")
    gateways = backend.ec2_backend.internet_gateways.values()
    if scheme == "internet-facing" and subnets and kind != "gateway":
        vpc_id = subnets[0].vpc_id
        if (
            not any(igw.vpc and igw.vpc.id == vpc_id for igw in gateways)
            and not backend.ec2_backend.vpcs[vpc_id].is_default
        ):
            raise ElbError("InvalidSubnet", f"VPC {vpc_id} has no internet gateway")


def _dns_name(lb: Any, region: str) -> str:
    lb_id = lb.arn.rsplit("/", 1)[1]
    if lb.type == "application":
        prefix = "internal-" if lb.scheme == "internal" else ""
        return f"{prefix}{lb.name}-{int(lb_id, 16) % 10**10}.{region}.elb.amazonaws.com"
    return f"{lb.name}-{lb_id}.elb.{region}.amazonaws.com"


def _fix_addresses(backend: Any, lb: Any, mappings: list[dict[str, Any]]) -> None:
    for mapping in mappings:
        if not mapping.get("AllocationId"):
            continue
        interfaces = elb_interfaces.interfaces_of(backend.ec2_backend, owner_name(lb))
        interface = next(i for i in interfaces if i.subnet.id == mapping["SubnetId"])
        backend.ec2_backend.associate_address(eni=interface, allocation_id=mapping["AllocationId"])


def _patch_delete(emulator: Emulator) -> None:
    @wrap(ELBv2Backend, "delete_load_balancer")
    def delete(original: Any, self: Any, arn: str) -> None:
        lb = self.load_balancers.get(arn)
        if lb is None:
            return
        if lb.attrs.get("deletion_protection.enabled") == "true":
            raise ElbError(
                "OperationNotPermitted",
                f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
            )
        original(self, arn)
        for gone in [arn, *lb.listeners]:
            self.tagging_service.delete_all_tags_for_resource(gone)
        for address in self.ec2_backend.addresses:
            if address.eni and address.eni.description == f"ELB {owner_name(lb)}":
                address.eni, address.association_id = None, None
        elb_interfaces.remove_interfaces_later(emulator, self.account_id, self.region_name, owner_name(lb))


def _patch_describe() -> None:
    @wrap(ELBv2Backend, "describe_load_balancers")
    def describe(original: Any, self: Any, arns: list[str] | None, names: list[str] | None) -> list[Any]:
        for arn in arns or []:
            if arn not in self.load_balancers:
                raise ElbError("LoadBalancerNotFound", f"Load balancers '[{arn}]' not found")
        known = {lb.name for lb in self.load_balancers.values()}
        missing = [name for name in names or [] if name not in known]
        if missing:
            raise ElbError("LoadBalancerNotFound", f"Load balancers '[{', '.join(missing)}]' not found")
        wanted = not arns and not names
        return [
            lb for lb in self.load_balancers.values() if wanted or lb.arn in (arns or []) or lb.name in (names or [])
        ]

    @wrap(ELBv2Backend, "describe_tags")
    def describe_tags(original: Any, self: Any, resource_arns: list[str]) -> Any:
        if len(resource_arns) > _DESCRIBE_LIMIT:
            raise ElbError("ValidationError", f"Up to {_DESCRIBE_LIMIT} resources can be described in a single call")
        for arn in resource_arns:
            self._get_resource_by_arn(arn)
        return original(self, resource_arns)

    @wrap(ELBv2Backend, "describe_target_groups")
    def describe_groups(
        original: Any, self: Any, load_balancer_arn: str | None, target_group_arns: Any, names: Any
    ) -> Any:
        if load_balancer_arn and load_balancer_arn in self.load_balancers and not target_group_arns and not names:
            found = [group for group in self.target_groups.values() if load_balancer_arn in group.load_balancer_arns]
            return sorted(found, key=lambda group: group.name)
        return original(self, load_balancer_arn, target_group_arns, names)


def _patch_settings() -> None:
    @wrap(ELBv2Backend, "set_security_groups")
    def set_security_groups(original: Any, self: Any, arn: str, sec_groups: list[str]) -> None:
        lb = self.load_balancers.get(arn)
        if lb is not None and lb.type == "network" and not lb.security_groups:
            message = "You cannot set security groups on a load balancer that was created without security groups"
            raise ElbError("InvalidConfigurationRequest", message)
        original(self, arn, sec_groups)
        elb_interfaces.set_groups(self.account_id, self.region_name, owner_name(lb), sec_groups)

    @wrap(ELBv2Backend, "set_subnets")
    def set_subnets(
        original: Any, self: Any, arn: str, subnets: list[str], subnet_mappings: list[dict[str, Any]]
    ) -> Any:
        lb = self.load_balancers.get(arn)
        if lb is None:
            raise ElbError("LoadBalancerNotFound", f"Load balancers '[{arn}]' not found")
        found = [_subnet(self, subnet_id) for subnet_id in [*subnets, *(m["SubnetId"] for m in subnet_mappings)]]
        _check_network(self, lb.type, "internal", found)
        lb.subnets = found
        public = lb.scheme == "internet-facing"
        elb_interfaces.set_subnets(
            self.account_id,
            self.region_name,
            owner_name(lb),
            found,
            lb.security_groups or [],
            _INTERFACE_KINDS[lb.type],
            public,
        )
        return lb.availability_zones


def _patch_tag_limit() -> None:
    @wrap(ELBv2Backend, "add_tags")
    def add_tags(original: Any, self: Any, resource_arns: list[str], tags: list[dict[str, str]]) -> None:
        for arn in resource_arns:
            self._get_resource_by_arn(arn)
            present = self.tagging_service.get_tag_dict_for_resource(arn)
            if len({*present, *(tag["Key"] for tag in tags)}) > _TAG_LIMIT:
                raise ElbError("TooManyTags", "The maximum number of tags has been reached.")
            self.tagging_service.tag_resource(arn, tags)
