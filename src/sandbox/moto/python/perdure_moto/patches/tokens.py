"""ClientToken on everything in EC2 that takes one."""

from typing import Any

from moto.ec2.responses.carrier_gateways import CarrierGateway
from moto.ec2.responses.egress_only_internet_gateways import EgressOnlyInternetGateway
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.responses.elastic_network_interfaces import ElasticNetworkInterfaces
from moto.ec2.responses.hosts import HostsResponse
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.responses.nat_gateways import NatGateways
from moto.ec2.responses.route_tables import RouteTables
from moto.ec2.responses.vpcs import VPCs

from ..emulator import Emulator
from ..patching import wrap
from ..tokens import fingerprint
from .errors import Ec2Error

_TOKEN_ACTIONS = [
    (InstanceResponse, "run_instances"),
    (NatGateways, "create_nat_gateway"),
    (VPCs, "create_vpc_endpoint"),
    (RouteTables, "create_route_table"),
    (HostsResponse, "allocate_hosts"),
    (ElasticBlockStore, "create_volume"),
    (EgressOnlyInternetGateway, "create_egress_only_internet_gateway"),
    (CarrierGateway, "create_carrier_gateway"),
    (LaunchTemplates, "create_launch_template"),
    (LaunchTemplates, "create_launch_template_version"),
    (ElasticNetworkInterfaces, "create_network_interface"),
]


def install(emulator: Emulator) -> None:
    """Applies the patches. Answers hold the model objects, so a repeated call shows their state of now."""
    for owner, method in _TOKEN_ACTIONS:
        _honour_token(emulator, owner, method)


def _honour_token(emulator: Emulator, owner: Any, method: str) -> None:
    @wrap(owner, method)
    def respond(original: Any, self: Any) -> Any:
        token = self._get_param("ClientToken")
        if not token:
            return original(self)
        key = (self.current_account, self.region, method, token)
        digest = fingerprint({name: value[0] for name, value in self.querystring.items()})
        try:
            known, result = emulator.tokens.find(key, digest)
        except KeyError:
            raise Ec2Error(
                "IdempotentParameterMismatch",
                "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
            ) from None
        if not known:
            result = original(self)
            emulator.tokens.remember(key, digest, result)
        return result
