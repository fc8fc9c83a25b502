"""DependencyViolation: nothing goes away while something else still uses it."""

from typing import Any

from moto.ec2.models.elastic_network_interfaces import NetworkInterfaceBackend
from moto.ec2.models.hosts import Host
from moto.ec2.models.internet_gateways import InternetGatewayBackend
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.ec2.models.subnets import SubnetBackend
from moto.ec2.models.vpcs import VPCBackend
from moto.ec2.responses.elastic_network_interfaces import ElasticNetworkInterfaces
from moto.ec2.responses.hosts import HostsResponse
from moto.ec2.responses.route_tables import RouteTables
from moto.ec2.responses.security_groups import SecurityGroups

from ..emulator import Emulator
from ..patching import wrap
from .errors import Ec2Error, dependency_violation


def install(emulator: Emulator) -> None:
    """Applies the patches."""
    _patch_vpc()
    _patch_subnet()
    _patch_security_group()
    _patch_internet_gateway()
    _patch_interface()
    _patch_route_table()
    _patch_hosts()


def _interfaces_in(backend: Any, vpc_id: str) -> list[Any]:
    return [interface for interface in backend.enis.values() if interface.subnet.vpc_id == vpc_id]


def vpc_blockers(backend: Any, vpc_id: str) -> list[str]:
    """Ids of everything that keeps a VPC from being deleted."""
    return [
        *(s.id for zone in backend.subnets.values() for s in zone.values() if s.vpc_id == vpc_id),
        *(interface.id for interface in _interfaces_in(backend, vpc_id)),
        *(igw.id for igw in backend.internet_gateways.values() if igw.vpc and igw.vpc.id == vpc_id),
        *(e.id for e in backend.egress_only_internet_gateways.values() if e.vpc_id == vpc_id),
        *(c.id for c in backend.carrier_gateways.values() if c.vpc_id == vpc_id),
        *(t.id for t in backend.route_tables.values() if t.vpc_id == vpc_id and not t.main_association_id),
        *(g.id for g in backend.groups[vpc_id].values() if not g.is_default),
        *(e.id for e in backend.vpc_end_points.values() if e.vpc_id == vpc_id and e.state != "deleted"),
        *(a.id for a in backend.network_acls.values() if a.vpc_id == vpc_id and not a.default),
        *(
            p.id
            for p in backend.vpc_pcxs.values()
            if vpc_id in (p.vpc.id, p.peer_vpc.id) and p._status.code == "active"
        ),
    ]


def _patch_vpc() -> None:
    @wrap(VPCBackend, "delete_vpc")
    def delete_vpc(original: Any, self: Any, vpc_id: str) -> Any:
        vpc = self.get_vpc(vpc_id)
        if vpc_blockers(self, vpc_id):
            raise dependency_violation("vpc", vpc_id)
        # moto would delete the DHCP options with the VPC; AWS leaves them.
        self.disassociate_dhcp_options(vpc)
        deleted = original(self, vpc_id)
        for acl_id in [a.id for a in self.network_acls.values() if a.vpc_id == vpc_id]:
            del self.network_acls[acl_id]
        self.groups.pop(vpc_id, None)
        self.tags.pop(vpc_id, None)
        return deleted


def _patch_subnet() -> None:
    @wrap(SubnetBackend, "delete_subnet")
    def delete_subnet(original: Any, self: Any, subnet_id: str) -> Any:
        self.get_subnet(subnet_id)
        if any(interface.subnet.id == subnet_id for interface in self.enis.values()):
            raise dependency_violation("subnet", subnet_id)
        deleted = original(self, subnet_id)
        for table in self.route_tables.values():
            table._associations = {a: target for a, target in table._associations.items() if target != subnet_id}
        for acl in self.network_acls.values():
            acl._associations = {k: a for k, a in acl._associations.items() if a.subnet_id != subnet_id}
        self.tags.pop(subnet_id, None)
        return deleted


def _group_is_used(backend: Any, group_id: str) -> bool:
    for groups in backend.groups.values():
        for group in groups.values():
            rules = [*group.ingress_rules, *group.egress_rules]
            if group.id != group_id and any((r.source_group or {}).get("GroupId") == group_id for r in rules):
                return True
    if any(group_id in {g.id for g in interface.group_set} for interface in backend.enis.values()):
        return True
    return group_id in _load_balancer_groups(backend)


def _load_balancer_groups(backend: Any) -> set[str]:
    from moto.elb.models import elb_backends
    from moto.elbv2.models import elbv2_backends

    used: set[str] = set()
    for backends in (elb_backends, elbv2_backends):
        for lb in backends[backend.account_id][backend.region_name].load_balancers.values():
            used.update(lb.security_groups or [])
    return used


def _patch_security_group() -> None:
    @wrap(SecurityGroups, "delete_security_group")
    def delete(original: Any, self: Any) -> Any:
        backend = self.ec2_backend
        wanted = self._get_param("GroupId") or self._get_param("GroupName")
        if not wanted:
            raise Ec2Error("MissingParameter", "The request must contain the parameter groupName or groupId")
        group = backend.get_security_group_by_name_or_id(wanted)
        self.error_on_dryrun()
        if group and group.is_default:
            message = f'the specified group: "{group.id}" name: "default" cannot be deleted by a user'
            raise Ec2Error("CannotDelete", message)
        if group and _group_is_used(backend, group.id):
            raise Ec2Error("DependencyViolation", f"resource {group.id} has a dependent object")
        result = original(self)
        if group:
            backend.tags.pop(group.id, None)
        return result

    @wrap(SecurityGroupBackend, "create_security_group")
    def create(
        original: Any, self: Any, name: str, description: str, vpc_id: str | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        if name and name.lower().startswith("sg-"):
            raise Ec2Error(
                "InvalidParameterValue",
                f"Invalid value '{name}' for groupName. Group names may not be in the format sg-*",
            )
        if vpc_id:
            self.get_vpc(vpc_id)
        return original(self, name, description, vpc_id, *args, **kwargs)


def _patch_internet_gateway() -> None:
    @wrap(InternetGatewayBackend, "detach_internet_gateway")
    def detach(original: Any, self: Any, internet_gateway_id: str, vpc_id: str) -> Any:
        igw = self.get_internet_gateway(internet_gateway_id)
        attached = igw.vpc and igw.vpc.id == vpc_id
        if attached and any(interface.public_ip for interface in _interfaces_in(self, vpc_id)):
            mapped = f"Network {vpc_id} has some mapped public address(es)."
            remedy = "Please unmap those public address(es) before detaching the gateway."
            raise Ec2Error("DependencyViolation", f"{mapped} {remedy}")
        return original(self, internet_gateway_id, vpc_id)

    @wrap(InternetGatewayBackend, "attach_internet_gateway")
    def attach(original: Any, self: Any, internet_gateway_id: str, vpc_id: str) -> Any:
        if any(
            other.vpc and other.vpc.id == vpc_id and other.id != internet_gateway_id
            for other in self.internet_gateways.values()
        ):
            raise Ec2Error("InvalidParameterValue", f"Network {vpc_id} already has an internet gateway attached")
        return original(self, internet_gateway_id, vpc_id)

    @wrap(InternetGatewayBackend, "delete_internet_gateway")
    def delete(original: Any, self: Any, internet_gateway_id: str) -> Any:
        if self.get_internet_gateway(internet_gateway_id).vpc:
            raise dependency_violation("internetGateway", internet_gateway_id)
        self.tags.pop(internet_gateway_id, None)
        return original(self, internet_gateway_id)


def _patch_interface() -> None:
    @wrap(ElasticNetworkInterfaces, "delete_network_interface")
    def delete(original: Any, self: Any) -> Any:
        interface = self.ec2_backend.get_network_interface(self._get_param("NetworkInterfaceId"))
        if interface.status != "available" or interface.instance:
            raise Ec2Error("InvalidParameterValue", f"Network interface '{interface.id}' is currently in use.")
        return original(self)

    @wrap(NetworkInterfaceBackend, "attach_network_interface")
    def attach(original: Any, self: Any, eni_id: str, instance_id: str, device_index: int) -> Any:
        interface = self.get_network_interface(eni_id)
        if interface.instance or interface.status != "available":
            raise Ec2Error("InvalidNetworkInterface.InUse", f"interface: [{eni_id}] in-use.")
        if int(device_index) in self.get_instance(instance_id).nics:
            raise Ec2Error(
                "InvalidParameterValue",
                f"Instance '{instance_id}' already has an interface attached at device index '{device_index}'.",
            )
        return original(self, eni_id, instance_id, device_index)


def _patch_route_table() -> None:
    @wrap(RouteTables, "delete_route_table")
    def delete(original: Any, self: Any) -> Any:
        table = self.ec2_backend.get_route_table(self._get_param("RouteTableId"))
        if table.main_association_id:
            raise dependency_violation("routeTable", table.id)
        result = original(self)
        self.ec2_backend.tags.pop(table.id, None)
        return result


def _patch_hosts() -> None:
    @wrap(Host, "get_filter_value")
    def get_filter_value(original: Any, self: Any, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name == "host-id":
            return self.id
        if filter_name.startswith("tag:"):
            return next((t["value"] for t in self.get_tags() if t["key"] == filter_name[4:]), None)
        return original(self, filter_name, method_name)

    @wrap(HostsResponse, "release_hosts")
    def release(original: Any, self: Any) -> Any:
        backend, successful, unsuccessful = self.ec2_backend, [], []
        occupied = {i.placement.host_id for i in backend.all_instances() if i.state != "terminated"}
        for host_id in self._get_param("HostIds", []):
            if host_id in backend.hosts and host_id not in occupied:
                backend.hosts[host_id].release()
                successful.append(host_id)
                continue
            code = "Client.InvalidHost.Occupied" if host_id in backend.hosts else "Client.InvalidHostID.NotFound"
            unsuccessful.append(
                {
                    "ResourceId": host_id,
                    "Error": {"Code": code, "Message": f"Dedicated host {host_id} cannot be released."},
                }
            )
        from moto.core.responses import ActionResult

        return ActionResult({"Successful": successful, "Unsuccessful": unsuccessful})
