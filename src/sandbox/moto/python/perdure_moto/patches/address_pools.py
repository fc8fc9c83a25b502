"""Address pools: none exist here, and asking for one by id says so (moto does not know these calls)."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses import EC2Response
from moto.ec2.responses.vpcs import VPCs

from ..emulator import Emulator
from ..patching import define, wrap
from .errors import Ec2Error


def install(emulator: Emulator) -> None:
    """Applies the patches."""

    @define(EC2Response, "describe_ipam_pools")
    def describe_ipam_pools(self: Any) -> ActionResult:
        wanted = self._get_param("IpamPoolIds", [])
        if wanted:
            raise Ec2Error("InvalidIpamPoolId.NotFound", f"The ipam pool ID '{wanted[0]}' does not exist")
        return ActionResult({"IpamPools": []})

    @define(EC2Response, "describe_public_ipv4_pools")
    def describe_public_ipv4_pools(self: Any) -> ActionResult:
        wanted = self._get_param("PoolIds", [])
        if wanted:
            raise Ec2Error("InvalidPublicIpv4PoolID.NotFound", f"The pool ID '{wanted[0]}' does not exist")
        return ActionResult({"PublicIpv4Pools": []})

    @wrap(VPCs, "create_vpc")
    def create_vpc(original: Any, self: Any) -> Any:
        for name in ("Ipv4IpamPoolId", "Ipv6IpamPoolId"):
            if pool := self._get_param(name):
                raise Ec2Error("InvalidIpamPoolId.NotFound", f"The ipam pool ID '{pool}' does not exist")
        return original(self)
