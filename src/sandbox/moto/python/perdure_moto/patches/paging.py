"""MaxResults and NextToken where moto ignores them, so that a naive pager is found out."""

import base64
import json
from typing import Any

from moto.ec2.responses import EC2Response
from moto.elbv2.responses import ELBV2Response

from ..emulator import Emulator
from ..patching import wrap
from .errors import Ec2Error, ElbError

_EC2_LISTS = {
    "describe_carrier_gateways": "CarrierGateways",
    "describe_dhcp_options": "DhcpOptions",
    "describe_egress_only_internet_gateways": "EgressOnlyInternetGateways",
    "describe_hosts": "Hosts",
    "describe_images": "Images",
    "describe_instance_types": "InstanceTypes",
    "describe_instance_type_offerings": "InstanceTypeOfferings",
    "describe_internet_gateways": "InternetGateways",
    "describe_launch_templates": "LaunchTemplates",
    "describe_launch_template_versions": "LaunchTemplateVersions",
    "describe_nat_gateways": "NatGateways",
    "describe_network_interfaces": "NetworkInterfaces",
    "describe_route_tables": "RouteTables",
    "describe_security_groups": "SecurityGroups",
    "describe_security_group_rules": "SecurityGroupRules",
    "describe_snapshots": "Snapshots",
    "describe_subnets": "Subnets",
    "describe_volumes": "Volumes",
    "describe_vpc_endpoints": "VpcEndpoints",
    "describe_vpcs": "Vpcs",
}
_EVERYTHING = 1_000_000
_ELBV2_LISTS = {"describe_target_groups": "TargetGroups", "describe_listeners": "Listeners"}


def install(emulator: Emulator) -> None:
    """Applies the patches, outermost, so that they page what the others answer."""
    for method, key in _EC2_LISTS.items():
        _page(EC2Response, method, key, ("MaxResults", "NextToken", "NextToken"), _bad_ec2_token)
    for method, key in _ELBV2_LISTS.items():
        _page(ELBV2Response, method, key, ("PageSize", "Marker", "NextMarker"), _bad_elb_token)


def _bad_ec2_token() -> Exception:
    return Ec2Error("InvalidNextToken", "The specified NextToken is not valid")


def _bad_elb_token() -> Exception:
    return ElbError("ValidationError", "The specified Marker is not valid")


def _page(owner: Any, method: str, key: str, names: tuple[str, str, str], bad_token: Any) -> None:
    size_name, token_name, next_name = names

    @wrap(owner, method)
    def respond(original: Any, self: Any) -> Any:
        size, token = self._get_param(size_name), self._get_param(token_name)
        # Where moto would cut the list itself, it must not.
        self._get_params().update({size_name: _EVERYTHING})
        result = original(self)
        start = _start(token, method, bad_token) if token else 0
        if size is None and not token:
            return result
        items = list(result.result.get(key) or [])
        end = start + int(size) if size is not None else len(items)
        result.result[key] = items[start:end]
        result.result[next_name] = _token(method, end) if end < len(items) else None
        return result


def _token(method: str, position: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([method, position]).encode()).decode()


def _start(token: str, method: str, bad_token: Any) -> int:
    try:
        made_by, position = json.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        raise bad_token() from None
    if made_by != method:
        raise bad_token()
    return int(position)
