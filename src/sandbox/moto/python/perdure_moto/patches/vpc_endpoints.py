"""VPC endpoints: pending and deleting take time, deleted ones are gone, gateway endpoints follow their route tables."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.vpcs import VPCBackend, VPCEndPoint
from moto.ec2.responses.vpcs import VPCs

from ..emulator import Emulator
from ..patching import wrap
from .errors import Ec2Error


def install(emulator: Emulator) -> None:
    """Applies the patches."""

    @wrap(VPCBackend, "create_vpc_endpoint")
    def create(
        original: Any, self: Any, vpc_id: str, service_name: str, endpoint_type: str | None, *args: Any, **kwargs: Any
    ) -> Any:
        if not service_name.startswith(f"com.amazonaws.{self.region_name}.") and not service_name.startswith(
            "com.amazonaws.vpce."
        ):
            raise Ec2Error("InvalidServiceName", f"The Vpc Endpoint Service '{service_name}' does not exist")
        for table_id in kwargs.get("route_table_ids") or []:
            self.get_route_table(table_id)
        endpoint = original(self, vpc_id, service_name, endpoint_type or "Gateway", *args, **kwargs)
        for interface_id in endpoint.network_interface_ids:
            interface = self.enis[interface_id]
            interface.description = f"VPC Endpoint Interface {endpoint.id}"
            interface.requester_managed, interface.interface_type, interface.status = True, "vpc_endpoint", "in-use"
        if endpoint.vpc_endpoint_type == "Interface":
            endpoint.state = "pending"
            emulator.clock.after(emulator.delays.vpcEndpointPendingMs, lambda: _available(endpoint))
        return endpoint

    @wrap(VPCs, "delete_vpc_endpoints")
    def delete(original: Any, self: Any) -> ActionResult:
        backend, unsuccessful = self.ec2_backend, []
        for endpoint_id in self._get_param("VpcEndpointIds", []):
            endpoint = backend.vpc_end_points.get(endpoint_id)
            if endpoint is None:
                error = {
                    "Code": "InvalidVpcEndpoint.NotFound",
                    "Message": f"The Vpc Endpoint Id '{endpoint_id}' does not exist",
                }
                unsuccessful.append({"ResourceId": endpoint_id, "Error": error})
            elif endpoint.state != "deleting":
                endpoint.state = "deleting"
                emulator.clock.after(
                    emulator.delays.vpcEndpointDeletingMs, lambda gone=endpoint: _delete(backend, gone)
                )
        return ActionResult({"Unsuccessful": unsuccessful})

    @wrap(VPCBackend, "modify_vpc_endpoint")
    def modify(original: Any, self: Any, **kwargs: Any) -> Any:
        endpoint = self.get_vpc_end_point(kwargs["vpc_id"])
        before = set(endpoint.route_table_ids)
        original(self, **kwargs)
        after = set(endpoint.route_table_ids)
        if not endpoint.destination_prefix_list_id:
            return
        for table_id in sorted(after - before):
            self.create_route(
                table_id, None, gateway_id=endpoint.id, destination_prefix_list_id=endpoint.destination_prefix_list_id
            )
        for table_id in sorted(before - after):
            self.delete_route(table_id, endpoint.destination_prefix_list_id)

    @wrap(VPCEndPoint, "get_filter_value")
    def get_filter_value(original: Any, self: Any, filter_name: str, method_name: str | None = None) -> Any:
        return self.id if filter_name == "vpc-endpoint-id" else original(self, filter_name, method_name)


def _available(endpoint: Any) -> None:
    if endpoint.state == "pending":
        endpoint.state = "available"


def _delete(backend: Any, endpoint: Any) -> None:
    for interface_id in endpoint.network_interface_ids:
        if interface_id in backend.enis:
            backend.delete_network_interface(interface_id)
    for table in backend.route_tables.values():
        table._routes = {k: r for k, r in table._routes.items() if r.gateway is not endpoint}
    backend.vpc_end_points.pop(endpoint.id, None)
    backend.tags.pop(endpoint.id, None)
