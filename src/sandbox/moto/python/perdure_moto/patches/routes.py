"""Routes: targets must exist and belong to the network, duplicates are refused, lost targets turn black holes."""

from typing import Any

from moto.ec2.models.route_tables import Route, RouteBackend
from moto.ec2.responses.route_tables import RouteTables
from moto.ec2.utils import generate_route_id

from ..emulator import Emulator
from ..patching import wrap, wrap_property
from .errors import Ec2Error


def install(emulator: Emulator) -> None:
    """Applies the patches."""

    @wrap_property(Route, "state")
    def state(original: Any, self: Any) -> str:
        return "blackhole" if _target_is_lost(self) else "active"

    @wrap(RouteTables, "create_route")
    def create_route(original: Any, self: Any) -> Any:
        table = _checked_table(self)
        ipv6 = self._get_param("DestinationIpv6CidrBlock")
        if ipv6 and generate_route_id(table.id, None, ipv6) in table._routes:
            raise Ec2Error("RouteAlreadyExists", f"The route identified by {ipv6} already exists")
        return original(self)

    @wrap(RouteTables, "replace_route")
    def replace_route(original: Any, self: Any) -> Any:
        table = _checked_table(self)
        result = original(self)
        destination = self._get_param("DestinationCidrBlock") or self._get_param("DestinationIpv6CidrBlock")
        carrier = self._get_param("CarrierGatewayId")
        for route in table._routes.values():
            if destination in (route.destination_cidr_block, route.destination_ipv6_cidr_block):
                route.carrier_gateway = self.ec2_backend.carrier_gateways.get(carrier) if carrier else None
                route.vpc_endpoint_id = None
        return result

    @wrap(RouteBackend, "associate_route_table")
    def associate(
        original: Any, self: Any, route_table_id: str, gateway_id: str | None = None, subnet_id: str | None = None
    ) -> Any:
        self.get_route_table(route_table_id)
        for table in self.route_tables.values():
            if subnet_id and subnet_id in table._associations.values() and table.id != route_table_id:
                message = (
                    f"the specified association for route table {route_table_id} conflicts with an existing association"
                )
                raise Ec2Error("Resource.AlreadyAssociated", message)
        return original(self, route_table_id, gateway_id, subnet_id)


def _target_is_lost(route: Any) -> bool:
    if route.nat_gateway is not None:
        return route.nat_gateway.state in ("deleting", "deleted", "failed")
    if route.gateway is not None and route.gateway.id.startswith("igw-"):
        return route.gateway.vpc is None
    if route.egress_only_igw is not None:
        backend = route.route_table.ec2_backend
        return route.egress_only_igw.id not in backend.egress_only_internet_gateways
    if route.instance is not None:
        return route.instance.state in ("shutting-down", "terminated")
    return False


def _checked_table(response: Any) -> Any:
    backend = response.ec2_backend
    table = backend.get_route_table(response._get_param("RouteTableId"))
    gateway_id, nat_id = response._get_param("GatewayId"), response._get_param("NatGatewayId")
    if nat_id and nat_id not in backend.nat_gateways:
        raise Ec2Error("InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat_id}' does not exist")
    if gateway_id and gateway_id.startswith("igw-"):
        gateway = backend.get_internet_gateway(gateway_id)
        if not gateway.vpc or gateway.vpc.id != table.vpc_id:
            message = f"route table {table.id} and network gateway {gateway_id} belong to different networks"
            raise Ec2Error("InvalidParameterValue", message)
    carrier = response._get_param("CarrierGatewayId")
    if carrier and carrier not in backend.carrier_gateways:
        raise Ec2Error("InvalidCarrierGatewayID.NotFound", f"The CarrierGateway ID '{carrier}' does not exist")
    return table
