"""Subnets: IPv6 state as the API spells it, every launch attribute kept and shown, zones of the region only."""

import ipaddress
from typing import Any

from moto.ec2.models.availability_zones_and_regions import Zone
from moto.ec2.models.subnets import Subnet, SubnetBackend
from moto.ec2.responses.subnets import Subnets

from ..emulator import Emulator
from ..patching import wrap, wrap_property
from .errors import Ec2Error
from .zones import edge_zones


def install(emulator: Emulator) -> None:
    """Applies the patches."""

    Zone.opt_in_status = "opt-in-not-required"

    @wrap_property(Subnet, "ipv6_cidr_block_association_set")
    def associations(original: Any, self: Any) -> list[dict[str, Any]]:
        return [
            {
                "associationId": association["associationId"],
                "ipv6CidrBlock": association["ipv6CidrBlock"],
                "ipv6CidrBlockState": {"State": association["ipv6CidrBlockState"]["State"]},
            }
            for association in self.ipv6_cidr_block_associations.values()
            if association["ipv6CidrBlockState"]["State"] == "associated"
        ]

    @wrap(Subnet, "__init__")
    def init(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.enable_dns64 = False

    @wrap(Subnet, "get_filter_value")
    def get_filter_value(original: Any, self: Any, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name == "ipv6-cidr-block-association.ipv6-cidr-block":
            return [a["ipv6CidrBlock"] for a in self.ipv6_cidr_block_association_set]
        if filter_name == "ipv6-cidr-block-association.state":
            return [a["ipv6CidrBlockState"]["State"] for a in self.ipv6_cidr_block_association_set]
        return original(self, filter_name, method_name)

    @wrap(SubnetBackend, "create_subnet")
    def create_subnet(original: Any, self: Any, vpc_id: str, *args: Any, **kwargs: Any) -> Any:
        zone = kwargs.get("availability_zone") or (args[2] if len(args) > 2 else None)
        known = [z.name for z in [*self.describe_availability_zones(), *edge_zones(self.region_name)]]
        if zone and zone not in known:
            message = (
                f"Value ({zone}) for parameter availabilityZone is invalid. "
                f"Subnets can currently only be created in the following availability zones: {', '.join(known)}."
            )
            raise Ec2Error("InvalidParameterValue", message)
        cidr = kwargs.get("cidr_block") or (args[0] if args else None)
        if cidr and "/" in cidr and not 16 <= int(cidr.split("/")[1]) <= 28:
            raise Ec2Error("InvalidSubnet.Range", f"The CIDR '{cidr}' is invalid.")
        _check_ipv6(self, vpc_id, kwargs.get("ipv6_cidr_block") or (args[1] if len(args) > 1 else None))
        subnet = original(self, vpc_id, *args, **kwargs)
        default_vpc = self.get_default_vpc()
        if default_vpc is None or vpc_id != default_vpc.id:
            subnet.default_for_az, subnet.map_public_ip_on_launch = False, False
        return subnet

    @wrap(Subnets, "modify_subnet_attribute")
    def modify(original: Any, self: Any) -> Any:
        subnet = self.ec2_backend.get_subnet(self._get_param("SubnetId"))
        options = subnet.private_dns_name_options_on_launch
        if (dns64 := self._get_param("EnableDns64.Value")) is not None:
            subnet.enable_dns64 = dns64
        if (aaaa := self._get_param("EnableResourceNameDnsAAAARecordOnLaunch.Value")) is not None:
            options["EnableResourceNameDnsAAAARecord"] = aaaa
        if hostname := self._get_param("PrivateDnsHostnameTypeOnLaunch"):
            options["HostnameType"] = hostname
        return original(self)


def _check_ipv6(backend: Any, vpc_id: str, block: str | None) -> None:
    """A subnet's IPv6 block is a /64 of the VPC's, and no other subnet has it."""
    if not block:
        return
    wanted = ipaddress.IPv6Network(block)
    outer = [ipaddress.IPv6Network(a["cidr_block"]) for a in backend.get_vpc(vpc_id).get_cidr_block_association_set(ipv6=True)]
    if wanted.prefixlen != 64 or not any(wanted.subnet_of(one) for one in outer):
        raise Ec2Error("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.")
    for subnet in backend.describe_subnets(filters={"vpc-id": vpc_id}):
        for association in subnet.ipv6_cidr_block_association_set:
            if wanted.overlaps(ipaddress.IPv6Network(association["ipv6CidrBlock"])):
                raise Ec2Error("InvalidSubnet.Conflict", f"The CIDR '{block}' conflicts with another subnet")
