"""RunInstances as AWS checks and keeps it: limits, unknown names, tags of interfaces, placement and options."""

import base64
from typing import Any

from moto.ec2.exceptions import EC2ClientError, InvalidInstanceTypeError
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.instances import Instance, InstanceBackend, MetadataOptions
from moto.ec2.responses.instances import InstanceResponse

from ..emulator import Emulator
from ..patching import wrap, wrap_property
from .addressing import check_groups
from .errors import Ec2Error
from .launch_volumes import create_volumes, planned_mappings

_USER_DATA_LIMIT = 16_384


def install(emulator: Emulator) -> None:
    """Applies the patches."""
    _patch_request()
    _patch_backend()
    _patch_groups()
    _patch_metadata_options()
    _patch_ipv6()


def _patch_request() -> None:
    @wrap(InstanceResponse, "run_instances")
    def run_instances(original: Any, self: Any) -> Any:
        params = self._get_params()
        _check_request(self, params)
        params["MinCount"] = params.get("MaxCount", params.get("MinCount", 1))
        try:
            result = original(self)
        except InvalidInstanceTypeError:
            raise Ec2Error(
                "InvalidParameterValue", f"Invalid value '{params.get('InstanceType')}' for InstanceType."
            ) from None
        for instance in result.result.instances:
            _keep_request(instance, params)
        return result


def _check_request(response: Any, params: Any) -> None:
    backend = response.ec2_backend
    if not params.get("ImageId") and not params.get("LaunchTemplate"):
        raise Ec2Error("MissingParameter", "The request must contain the parameter ImageId")
    _check_user_data(params.get("UserData"))
    if params.get("KeyName"):
        backend.describe_key_pairs(key_names=[params["KeyName"]])
    interfaces = params.get("NetworkInterfaces") or []
    if interfaces and params.get("SecurityGroupIds"):
        message = "Network interfaces and an instance-level security groups may not be specified on the same request"
        raise Ec2Error("InvalidParameterCombination", message)
    if params.get("SubnetId"):
        check_groups(backend, backend.get_subnet(params["SubnetId"]), params.get("SecurityGroupIds"))
    for spec in interfaces:
        if spec.get("SubnetId"):
            check_groups(backend, backend.get_subnet(spec["SubnetId"]), spec.get("Groups"))
        if spec.get("NetworkInterfaceId") and backend.get_network_interface(spec["NetworkInterfaceId"]).instance:
            raise Ec2Error("InvalidNetworkInterface.InUse", f"interface: [{spec['NetworkInterfaceId']}] in-use.")
    _check_profile(response, params.get("IamInstanceProfile") or {})
    host_id = (params.get("Placement") or {}).get("HostId")
    if host_id and host_id not in backend.hosts:
        raise Ec2Error("InvalidHostID.NotFound", f"The host ID '{host_id}' does not exist")


def _check_user_data(encoded: Any) -> None:
    if not encoded:
        return
    raw = encoded if isinstance(encoded, bytes) else str(encoded).encode()
    try:
        size = len(base64.b64decode(raw, validate=True))
    except ValueError:
        raise Ec2Error("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.") from None
    if size > _USER_DATA_LIMIT:
        raise Ec2Error("InvalidParameterValue", "User data is limited to 16384 bytes")


def _check_profile(response: Any, profile: Any) -> None:
    from moto.iam.models import iam_backends

    known = iam_backends[response.current_account][response.partition].instance_profiles.values()
    checks = (("Name", "name", "name", {p.name for p in known}), ("Arn", "arn", "ARN", {p.arn for p in known}))
    for key, parameter, word, values in checks:
        if profile.get(key) and profile[key] not in values:
            message = f"Value ({profile[key]}) for parameter iamInstanceProfile.{parameter} is invalid."
            raise Ec2Error("InvalidParameterValue", f"{message} Invalid IAM Instance Profile {word}")


def _keep_request(instance: Any, params: Any) -> None:
    instance.client_token = params.get("ClientToken") or ""
    placement = params.get("Placement") or {}
    instance.placement.group_name = placement.get("GroupName", "")
    instance.placement.tenancy = placement.get("Tenancy") or ("host" if placement.get("HostId") else "default")
    if instance.nics.get(0):
        instance.placement.zone = instance.nics[0].subnet.availability_zone
    of_subnet = instance.nics[0].subnet.private_dns_name_options_on_launch if instance.nics.get(0) else {}
    instance.private_dns_name_options = {**of_subnet, **dict(params.get("PrivateDnsNameOptions") or {})}
    if (params.get("InstanceMarketOptions") or {}).get("MarketType") == "spot":
        instance.spot_instance_request_id = f"sir-{instance.id[2:10]}"
    cpu = params.get("CpuOptions")
    if cpu:
        instance.cpu_options = cpu
    instance.enclave_options = {"Enabled": bool((params.get("EnclaveOptions") or {}).get("Enabled", False))}
    reservation = params.get("CapacityReservationSpecification") or {}
    instance.capacity_reservation_specification = {
        "CapacityReservationPreference": reservation.get("CapacityReservationPreference", "open"),
        **{k: v for k, v in reservation.items() if k == "CapacityReservationTarget"},
    }


def _patch_backend() -> None:
    @wrap(InstanceBackend, "run_instances")
    def run_instances(original: Any, self: Any, image_id: str, count: int, *args: Any, **kwargs: Any) -> Any:
        tags = dict(kwargs.get("tags") or {})
        specs = {int(spec.get("DeviceIndex") or 0): spec for spec in kwargs.get("nics") or []}
        mappings = planned_mappings(self, image_id, kwargs)
        if mappings is not None:
            kwargs["block_device_mappings"] = []
        before = set(self.reservations)
        try:
            reservation = original(self, image_id, count, *args, **kwargs)
        except EC2ClientError:
            for reservation_id in set(self.reservations) - before:
                del self.reservations[reservation_id]
            raise
        for instance in reservation.instances:
            if mappings is not None:
                create_volumes(self, instance, mappings, tags.get("volume", {}))
            for index, interface in instance.nics.items():
                _finish_interface(interface, specs.get(index, {}), tags.get("network-interface", {}))
        return reservation


def _finish_interface(interface: Any, spec: dict[str, Any], tags: dict[str, str]) -> None:
    if spec.get("NetworkInterfaceId"):
        interface.delete_on_termination = spec.get("DeleteOnTermination") is True
        return
    interface.delete_on_termination = spec.get("DeleteOnTermination") is not False
    interface.description = spec.get("Description", "")
    interface.add_tags(tags)
    wanted = int(spec.get("Ipv6AddressCount") or (1 if interface.subnet.assign_ipv6_address_on_creation else 0))
    if wanted and not interface.ipv6_addresses and interface.subnet.ipv6_cidr_block_associations:
        interface.ec2_backend.assign_ipv6_addresses(interface.id, ipv6_count=wanted)
    interface.has_primary_ipv6 = bool(interface.ipv6_addresses) and str(spec.get("PrimaryIpv6")).lower() == "true"


def _patch_ipv6() -> None:
    @wrap_property(NetworkInterface, "instance_ipv6_address_list")
    def addresses(original: Any, self: Any) -> list[dict[str, Any]]:
        primary = getattr(self, "has_primary_ipv6", False)
        return [{**one, "IsPrimaryIpv6": primary and n == 0} for n, one in enumerate(original(self))]


def _patch_groups() -> None:
    """An instance's security groups are those of its primary interface, whoever changes them."""

    def read(self: Any) -> list[Any]:
        nics = getattr(self, "nics", None)
        return list(nics[0]._group_set) if nics and 0 in nics else list(self._launch_groups)

    def write(self: Any, groups: list[Any]) -> None:
        self._launch_groups = list(groups)
        nics = getattr(self, "nics", None)
        if nics and 0 in nics:
            nics[0]._group_set = list(groups)

    Instance.security_groups = property(read, write)

    NetworkInterface.group_set = property(lambda self: self._group_set)


def _patch_metadata_options() -> None:
    @wrap(InstanceBackend, "modify_instance_metadata_options")
    def modify(original: Any, self: Any, instance_id: str, **changes: Any) -> MetadataOptions:
        before = self.get_instance(instance_id).metadata_options
        kept = {
            "http_tokens": before.http_tokens,
            "hop_limit": before.http_put_response_hop_limit,
            "http_endpoint": before.http_endpoint,
            "http_protocol": before.http_protocol_ipv6,
            "metadata_tags": before.instance_metadata_tags,
        }
        for name, value in kept.items():
            if changes.get(name) is None:
                changes[name] = value
        return original(self, instance_id, **changes)
