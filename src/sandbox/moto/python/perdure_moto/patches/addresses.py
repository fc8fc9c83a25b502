"""Elastic IPs: never released while associated, and a NAT gateway's is the gateway's to give back."""

from typing import Any

from moto.ec2.models.elastic_ip_addresses import ElasticAddress, ElasticAddressBackend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.responses.elastic_ip_addresses import ElasticIPAddresses

from ..emulator import Emulator
from ..patching import wrap, wrap_property
from .address_pools import PUBLIC_IPV4_POOL
from .errors import Ec2Error


def install(emulator: Emulator) -> None:
    """Applies the patches."""
    ElasticAddress.public_ipv4_pool = "amazon"

    @wrap(ElasticIPAddresses, "allocate_address")
    def allocate(original: Any, self: Any) -> Any:
        pool = self._get_param("PublicIpv4Pool")
        if pool and pool not in ("amazon", PUBLIC_IPV4_POOL):
            raise Ec2Error("InvalidPublicIpv4PoolID.NotFound", f"The pool ID '{pool}' does not exist.")
        result = original(self)
        result.result.update(PublicIpv4Pool=pool or "amazon", NetworkBorderGroup=self.region)
        return result

    @wrap(ElasticAddressBackend, "release_address")
    def release(original: Any, self: Any, address: str | None = None, allocation_id: str | None = None) -> Any:
        found = (self.address_by_ip([address]) if address else self.address_by_allocation([allocation_id]))[0]
        if found.association_id or found.eni or found.instance:
            raise Ec2Error("InvalidIPAddress.InUse", f"Address {found.public_ip} is in use.")
        self.tags.pop(found.id, None)
        return original(self, address, allocation_id)

    @wrap(ElasticIPAddresses, "disassociate_address")
    def disassociate(original: Any, self: Any) -> Any:
        public_ip, association = self._get_param("PublicIp"), self._get_param("AssociationId")
        for address in self.ec2_backend.addresses:
            mine = (public_ip and address.public_ip == public_ip) or (
                association and address.association_id == association
            )
            if mine and address.eni and address.eni.requester_managed:
                raise Ec2Error("AuthFailure", "You do not have permission to access the specified resource.")
        return original(self)

    @wrap_property(ElasticAddress, "instance_id")
    def instance_id(original: Any, self: Any) -> str | None:
        """An address on an interface of an instance belongs to the instance, however it was associated."""
        if not self.instance and self.eni and self.eni.instance:
            return str(self.eni.instance.id)
        return original(self) or None

    @wrap_property(ElasticAddress, "network_interface_id")
    def network_interface_id(original: Any, self: Any) -> str | None:
        return original(self) or None

    _patch_interface_end()


def _patch_interface_end() -> None:
    """An interface that goes away leaves its Elastic IP behind, unassociated."""

    @wrap(NetworkInterface, "delete")
    def delete(original: Any, self: Any) -> None:
        for address in self.ec2_backend.addresses:
            if address.eni is self:
                address.eni, address.instance, address.association_id = None, None, None
        self.public_ip = None
        original(self)
