"""NAT gateways: pending, available, deleting, deleted; failing as AWS does when they cannot work."""

from typing import Any

from moto.core.utils import utcnow
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.nat_gateways import NatGateway, NatGatewayBackend

from ..emulator import Emulator
from ..patching import wrap
from .errors import Ec2Error


def install(emulator: Emulator) -> None:
    """Applies the patches."""

    @wrap(NatGatewayBackend, "create_nat_gateway")
    def create_nat_gateway(
        original: Any,
        self: Any,
        subnet_id: str,
        allocation_id: str,
        tags: Any = None,
        connectivity_type: str | None = None,
    ) -> NatGateway:
        subnet = self.get_subnet(subnet_id)
        connectivity_type = connectivity_type or "public"
        if connectivity_type == "public" and not allocation_id:
            raise Ec2Error("MissingParameter", "The request must include the AllocationId parameter.")
        failure = _failure(self, subnet, allocation_id) if connectivity_type == "public" else None
        gateway: NatGateway = original(self, subnet_id, None if failure else allocation_id, tags, connectivity_type)
        interface = gateway._eni
        interface.description = f"Interface for NAT Gateway {gateway.id}"
        interface.requester_managed, interface.interface_type, interface.status = True, "nat_gateway", "in-use"
        interface._group_set = []
        if failure:
            gateway.address_set[0]["allocationId"] = allocation_id
        gateway.state = "pending"
        emulator.clock.after(emulator.delays.natPendingMs, lambda: _settle(emulator, gateway, failure))
        return gateway

    @wrap(NatGatewayBackend, "delete_nat_gateway")
    def delete_nat_gateway(original: Any, self: Any, nat_gateway_id: str) -> NatGateway:
        gateway: NatGateway | None = self.nat_gateways.get(nat_gateway_id)
        if gateway is None:
            raise _not_found(nat_gateway_id)
        if gateway.state in ("pending", "available"):
            gateway.state = "deleting"
            emulator.clock.after(emulator.delays.natDeletingMs, lambda: _delete(emulator, gateway))
        return gateway

    @wrap(NatGatewayBackend, "describe_nat_gateways")
    def describe_nat_gateways(
        original: Any, self: Any, filters: Any, nat_gateway_ids: list[str] | None
    ) -> list[NatGateway]:
        for gateway_id in nat_gateway_ids or []:
            if gateway_id not in self.nat_gateways:
                raise _not_found(gateway_id)
        from moto.ec2.utils import generic_filter

        found = [g for g in self.nat_gateways.values() if not nat_gateway_ids or g.id in nat_gateway_ids]
        return generic_filter(filters, found)

    def get_filter_value(self: Any, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name == "nat-gateway-id":
            return self.id
        return TaggedEC2Resource.get_filter_value(self, filter_name, method_name or "DescribeNatGateways")

    NatGateway.get_filter_value = get_filter_value


def _failure(backend: Any, subnet: Any, allocation_id: str) -> tuple[str, str] | None:
    address = backend.address_by_allocation([allocation_id])[0]
    if not any(igw.vpc and igw.vpc.id == subnet.vpc_id for igw in backend.internet_gateways.values()):
        return "Gateway.NotAttached", f"Network {subnet.vpc_id} has no Internet gateway attached"
    if address.association_id:
        return "Resource.AlreadyAssociated", f"Elastic IP address {allocation_id} is already associated"
    return None


def _settle(emulator: Emulator, gateway: Any, failure: tuple[str, str] | None) -> None:
    if gateway.state != "pending":
        return
    if failure is None:
        gateway.state = "available"
        return
    gateway.state = "failed"
    gateway.failure_code, gateway.failure_message = failure
    _free(gateway)
    emulator.clock.after(emulator.delays.natDeletedVisibleMs, lambda: _forget(gateway))


def _delete(emulator: Emulator, gateway: Any) -> None:
    gateway.state = "deleted"
    gateway.delete_time = utcnow()
    _free(gateway)
    emulator.clock.after(emulator.delays.natDeletedVisibleMs, lambda: _forget(gateway))


def _free(gateway: Any) -> None:
    backend, interface = gateway.ec2_backend, gateway._eni
    for address in backend.addresses:
        if address.eni is interface:
            address.eni, address.instance, address.association_id = None, None, None
    interface.public_ip = None
    if interface.id in backend.enis:
        backend.delete_network_interface(interface.id)


def _forget(gateway: Any) -> None:
    gateway.ec2_backend.nat_gateways.pop(gateway.id, None)
    gateway.ec2_backend.tags.pop(gateway.id, None)


def _not_found(gateway_id: str) -> Ec2Error:
    return Ec2Error("NatGatewayNotFound", f"The Nat Gateway {gateway_id} was not found")
