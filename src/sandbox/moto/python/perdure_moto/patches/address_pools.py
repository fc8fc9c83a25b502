"""Address pools, which moto does not know: one IPAM pool of each family and one public IPv4 pool in every account."""

import ipaddress
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.vpcs import VPC
from moto.ec2.responses import EC2Response
from moto.ec2.responses.vpcs import VPCs

from ..emulator import Emulator
from ..patching import define, wrap
from .errors import Ec2Error

IPV4_POOL = "ipam-pool-0a4a4a4a4a4a4a4a4"
IPV6_POOL = "ipam-pool-0a6a6a6a6a6a6a6a6"
# A block of the user's own, brought to AWS; Amazon's own pool is called "Amazon".
OWN_IPV6_POOL = "ipv6pool-ec2-0a6a6a6a6a6a6a6a6"
PUBLIC_IPV4_POOL = "ipv4pool-ec2-0a4a4a4a4a4a4a4a4"
_POOLS = {
    IPV4_POOL: ("perdure-ipv4", "ipv4", ipaddress.ip_network("10.64.0.0/10")),
    IPV6_POOL: ("perdure-ipv6", "ipv6", ipaddress.ip_network("2600:1f14:4000::/36")),
}


def install(emulator: Emulator) -> None:
    """Applies the patches."""
    _patch_pools()
    _patch_vpcs()


def _patch_pools() -> None:
    @define(EC2Response, "describe_ipam_pools")
    def describe_ipam_pools(self: Any) -> ActionResult:
        wanted, filters = self._get_param("IpamPoolIds", []), self._filters_from_querystring()
        for pool_id in wanted:
            _known(pool_id)
        names = filters.get("tag:Name")
        ids = filters.get("ipam-pool-id") or wanted
        found = [
            {"IpamPoolId": pool_id, "AddressFamily": family, "State": "create-complete", "Tags": [{"Key": "Name", "Value": name}]}
            for pool_id, (name, family, _) in _POOLS.items()
            if (not ids or pool_id in ids) and (not names or name in names)
        ]
        return ActionResult({"IpamPools": found})

    @define(EC2Response, "describe_public_ipv4_pools")
    def describe_public_ipv4_pools(self: Any) -> ActionResult:
        wanted = self._get_param("PoolIds", [])
        for pool_id in wanted:
            if pool_id != PUBLIC_IPV4_POOL:
                raise Ec2Error("InvalidPublicIpv4PoolID.NotFound", f"The pool ID '{pool_id}' does not exist")
        return ActionResult({"PublicIpv4Pools": [{"PoolId": PUBLIC_IPV4_POOL, "TotalAvailableAddressCount": 250}]})


def _known(pool_id: str) -> Any:
    if pool_id not in _POOLS:
        raise Ec2Error("InvalidIpamPoolId.NotFound", f"The ipam pool ID '{pool_id}' does not exist")
    return _POOLS[pool_id][2]


def _next_block(backend: Any, pool_id: str, length: int) -> str:
    """The first block of the pool that no VPC of the region has."""
    pool = _known(pool_id)
    taken = [
        ipaddress.ip_network(association["cidr_block"])
        for vpc in backend.vpcs.values()
        for association in vpc.get_cidr_block_association_set(ipv6=pool.version == 6)
    ]
    for block in pool.subnets(new_prefix=length):
        if not any(block.overlaps(other) for other in taken):
            return str(block)
    raise Ec2Error("InsufficientCidrBlocks", f"The pool {pool_id} has no free /{length}")


def _patch_vpcs() -> None:
    @wrap(VPCs, "create_vpc")
    def create_vpc(original: Any, self: Any) -> Any:
        params = self._get_params()
        if pool := self._get_param("Ipv4IpamPoolId"):
            params["CidrBlock"] = _next_block(self.ec2_backend, pool, int(self._get_param("Ipv4NetmaskLength") or 16))
        ipv6, source = None, None
        if pool := self._get_param("Ipv6IpamPoolId"):
            ipv6, source = _next_block(self.ec2_backend, pool, int(self._get_param("Ipv6NetmaskLength") or 56)), pool
        elif source := self._get_param("Ipv6Pool"):
            if source != OWN_IPV6_POOL:
                raise Ec2Error("InvalidIpv6PoolId.NotFound", f"The pool ID '{source}' does not exist")
            ipv6 = self._get_param("Ipv6CidrBlock") or "2600:1f16:8000::/56"
        if ipv6:
            params["AmazonProvidedIpv6CidrBlock"] = True
        result = original(self)
        if ipv6:
            _give_block(result.result["Vpc"], ipv6, str(source))
        return result


def _give_block(vpc: VPC, block: str, pool: str) -> None:
    for association in vpc._cidr_block_association_set.values():
        if "ipv6_pool" in association:
            before, association["cidr_block"], association["ipv6_pool"] = association["cidr_block"], block, pool
            for table in vpc.ec2_backend.route_tables.values():
                for route in table._routes.values() if table.vpc_id == vpc.id else []:
                    if route.destination_ipv6_cidr_block == before:
                        route.destination_ipv6_cidr_block = block
