"""IP addresses: private ones from the subnet, in order and not reused quickly; public ones that look public."""

import ipaddress
import itertools
from typing import Any

from moto.ec2.models import elastic_ip_addresses, elastic_network_interfaces, nat_gateways, vpcs
from moto.ec2.models.elastic_network_interfaces import NetworkInterface, NetworkInterfaceBackend
from moto.ec2.models.instances import Instance, InstanceBackend
from moto.ec2.models.subnets import Subnet
from moto.ec2.responses.elastic_network_interfaces import ElasticNetworkInterfaces

from ..emulator import Emulator
from ..patching import wrap, wrap_property
from .errors import Ec2Error

_GROUPS_PER_INTERFACE = 5
# AWS keeps the network address, router, DNS, one spare, and the broadcast address of every subnet.
_RESERVED_AT_START, _RESERVED_AT_END = 4, 1
# Benchmarking range: not private, and routed nowhere, so nothing in a sandbox can reach a stranger.
_PUBLIC = ipaddress.IPv4Network("198.18.0.0/15")


def install(emulator: Emulator) -> None:
    """Applies the patches."""
    _patch_subnet_allocation()
    _patch_interfaces()
    _patch_public_addresses()


def allocate(subnet: Any, holder: Any) -> str:
    """The next free address of a subnet; addresses given back are used again only after all others."""
    cidr = subnet.cidr
    usable = cidr.num_addresses - _RESERVED_AT_START - _RESERVED_AT_END
    start = getattr(subnet, "_perdure_next", 0)
    for offset in range(min(usable, 65536)):
        position = (start + offset) % usable
        address = cidr.network_address + _RESERVED_AT_START + position
        if str(address) not in subnet._subnet_ips and address not in subnet._reserved_ips:
            subnet._perdure_next = position + 1
            subnet._subnet_ips[str(address)] = holder
            return str(address)
    raise Ec2Error(
        "InsufficientFreeAddressesInSubnet",
        f"The specified subnet does not have enough free addresses to satisfy the request: {subnet.id}",
    )


def _patch_subnet_allocation() -> None:
    @wrap(Subnet, "get_available_subnet_ip")
    def get_available_subnet_ip(original: Any, self: Any, instance: Any) -> str:
        return allocate(self, instance)

    @wrap(Subnet, "request_ip")
    def request_ip(original: Any, self: Any, ip: str, instance: Any) -> None:
        check_requested(self, ip)
        self._subnet_ips[ip] = instance

    @wrap(Subnet, "del_subnet_ip")
    def del_subnet_ip(original: Any, self: Any, ip: str) -> None:
        self._subnet_ips.pop(ip, None)

    # Addresses follow interfaces here; moto would free them whenever the collector finds an old instance.
    Instance.__del__ = lambda self: None


def check_requested(subnet: Any, ip: str) -> None:
    """Refuses an address outside the subnet's usable range or already taken."""
    address = ipaddress.ip_address(ip)
    cidr = subnet.cidr
    index = int(address) - int(cidr.network_address)
    if not _RESERVED_AT_START <= index < cidr.num_addresses - _RESERVED_AT_END:
        raise Ec2Error("InvalidParameterValue", f"Address {ip} does not fall within the subnet's address range")
    if ip in subnet._subnet_ips:
        raise Ec2Error("InvalidIPAddress.InUse", f"Address {ip} is in use.")


def _patch_interfaces() -> None:
    for module in (nat_gateways, vpcs):

        @wrap(module, "random_private_ip")
        def random_private_ip(original: Any) -> None:
            """None lets the interface take an address of its subnet."""
            return None

    @wrap(NetworkInterfaceBackend, "create_network_interface")
    def create_network_interface(
        original: Any, self: Any, subnet: Any, private_ip_address: Any, *args: Any, **kwargs: Any
    ) -> Any:
        subnet = self.get_subnet(subnet) if isinstance(subnet, str) else subnet
        check_groups(self, subnet, kwargs.get("group_ids") or (args[1] if len(args) > 1 else None))
        wanted = (
            private_ip_address[0] if isinstance(private_ip_address, list) and private_ip_address else private_ip_address
        )
        given = args[0] if args else kwargs.get("private_ip_addresses")
        if not given and not wanted and subnet.cidr_block:
            wanted = allocate(subnet, "interface")
        interface = original(self, subnet, wanted, *args, **kwargs)
        if not subnet.cidr_block:
            interface.private_ip_address, interface.private_ip_addresses = None, []
        for address in interface.private_ip_addresses:
            subnet._subnet_ips.setdefault(address["PrivateIpAddress"], interface)
            address["PrivateDnsName"] = private_name(self.region_name, address["PrivateIpAddress"])
        if interface.private_ip_address:
            interface.private_dns_name = private_name(self.region_name, interface.private_ip_address)
        return interface

    @wrap(NetworkInterfaceBackend, "delete_network_interface")
    def delete_network_interface(original: Any, self: Any, eni_id: str) -> None:
        interface = self.get_network_interface(eni_id)
        original(self, eni_id)
        for address in interface.private_ip_addresses:
            interface.subnet._subnet_ips.pop(address["PrivateIpAddress"], None)
        self.tags.pop(eni_id, None)

    @wrap(NetworkInterfaceBackend, "modify_network_interface_attribute")
    def modify(original: Any, self: Any, eni_id: str, group_ids: list[str], *args: Any, **kwargs: Any) -> None:
        check_groups(self, self.get_network_interface(eni_id).subnet, group_ids)
        original(self, eni_id, group_ids, *args, **kwargs)

    @wrap(InstanceBackend, "modify_instance_security_groups")
    def modify_instance(original: Any, self: Any, instance_id: str, new_group_id_list: list[str]) -> Any:
        check_groups(self, self.get_subnet(self.get_instance(instance_id).subnet_id), new_group_id_list)
        return original(self, instance_id, new_group_id_list)

    @wrap(ElasticNetworkInterfaces, "create_network_interface")
    def respond(original: Any, self: Any) -> Any:
        wanted = self._get_param("PrivateIpAddress")
        if wanted:
            check_requested(self.ec2_backend.get_subnet(self._get_param("SubnetId")), wanted)
        return original(self)


def check_groups(backend: Any, subnet: Any, group_ids: list[str] | None) -> None:
    """Refuses security groups that do not exist, belong to another VPC than the subnet, or are too many."""
    if len(set(group_ids or [])) > _GROUPS_PER_INTERFACE:
        message = "The maximum number of security groups per interface has been reached."
        raise Ec2Error("SecurityGroupsPerInterfaceLimitExceeded", message)
    for group_id in group_ids or []:
        group = backend.get_security_group_from_id(group_id)
        if group is None:
            raise Ec2Error("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        if group.vpc_id != subnet.vpc_id:
            raise Ec2Error(
                "InvalidParameter", f"Security group {group_id} and subnet {subnet.id} belong to different networks."
            )


def private_name(region: str, ip: str) -> str:
    """The name AWS's resolver gives a private address."""
    return f"ip-{ip.replace('.', '-')}.{private_domain(region)}"


def private_domain(region: str) -> str:
    """The private DNS domain of a region."""
    return "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"


def _patch_public_addresses() -> None:
    @wrap_property(NetworkInterface, "association")
    def association(original: Any, self: Any) -> dict[str, Any] | None:
        shown: dict[str, Any] = original(self)
        if not shown:
            return None
        region = self.ec2_backend.region_name
        domain = "compute-1" if region == "us-east-1" else f"{region}.compute"
        shown["publicDnsName"] = f"ec2-{self.public_ip.replace('.', '-')}.{domain}.amazonaws.com"
        return shown

    addresses = (str(_PUBLIC.network_address + n) for n in itertools.cycle(range(1, _PUBLIC.num_addresses - 1)))

    @wrap(elastic_ip_addresses, "random_ip")
    def random_ip(original: Any) -> str:
        return next(addresses)

    @wrap(elastic_network_interfaces, "random_public_ip")
    def random_public_ip(original: Any) -> str:
        return next(addresses)
