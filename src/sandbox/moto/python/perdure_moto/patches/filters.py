"""Filters as EC2 documents them: any value of the resource against any value of the filter, with wildcards."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

from moto.ec2 import utils as ec2_utils
from moto.ec2.models import tags as ec2_tags
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.hosts import Host

from ..emulator import Emulator
from ..patching import wrap

_INSTANCE_FILTERS = {
    "client-token": "client_token",
    "instance-lifecycle": "lifecycle",
    "instance-state-code": "state_code",
    "iam-instance-profile.arn": "iam_instance_profile.Arn",
    "network-interface.subnet-id": "subnet_id",
    "network-interface.vpc-id": "vpc_id",
}


def install(emulator: Emulator) -> None:
    """Applies the patches."""
    ec2_utils.filter_dict_attribute_mapping.update(_INSTANCE_FILTERS)
    for module in (ec2_utils, ec2_tags):

        @wrap(module, "simple_aws_filter_to_re")
        def simple_aws_filter_to_re(original: Any, filter_string: str) -> str:
            return glob_to_regex(filter_string)

    @wrap(ec2_utils, "is_filter_matching")
    def is_filter_matching(original: Any, resource: Any, name: str, wanted: Any) -> bool:
        return matches(resource.get_filter_value(name), wanted)

    @wrap(ec2_utils, "instance_value_in_filter_values")
    def instance_value_in_filter_values(original: Any, value: Any, wanted: Any) -> bool:
        return matches(value, wanted)

    _patch_tag_reads()
    _patch_single_resources()


def matches(value: Any, wanted: Any) -> bool:
    """Whether a resource's value (or one of its values) matches one of the wanted patterns."""
    patterns = [wanted] if isinstance(wanted, str) else list(wanted or [])
    values = [text for text in map(_text, _many(value)) if text is not None]
    return any(re.match(glob_to_regex(str(pattern)), text) for pattern in patterns for text in values)


def _many(value: Any) -> list[Any]:
    if value is None or isinstance(value, (str, bool, int, datetime)):
        return [value]
    return list(value)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return str(ec2_utils.format_timestamp(value))
    return str(value)


@lru_cache(maxsize=4096)
def glob_to_regex(pattern: str) -> str:
    """EC2's filter wildcards: `*` any characters, `?` zero or one; a backslash makes the next character literal."""
    out, literal = "", False
    for char in pattern:
        if literal or char not in "*?\\":
            out, literal = out + re.escape(char), False
        elif char == "\\":
            literal = True
        else:
            out += ".*" if char == "*" else ".?"
    return f"(?s:{out})\\Z"


def _patch_tag_reads() -> None:
    """moto scans every tag of the region for each resource; large tests notice."""

    @wrap(TaggedEC2Resource, "get_tags")
    def get_tags(original: Any, self: Any) -> list[dict[str, str]]:
        if not self.id:
            return []
        kind = ec2_utils.EC2_PREFIX_TO_RESOURCE.get(ec2_utils.get_prefix(self.id), "")
        tags = self.ec2_backend.tags.get(self.id, {})
        return [{"resource_id": self.id, "key": k, "value": v, "resource_type": kind} for k, v in tags.items()]


def _patch_single_resources() -> None:
    @wrap(Host, "get_filter_value")
    def host_value(original: Any, self: Any, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name.startswith("tag:"):
            return TaggedEC2Resource.get_filter_value(self, filter_name)
        return original(self, filter_name, method_name)

    @wrap(NetworkInterface, "get_filter_value")
    def interface_value(original: Any, self: Any, filter_name: str, method_name: str | None = None) -> Any:
        association = self.association if self.public_ip else {}
        known = {
            "status": lambda: self.status,
            "interface-type": lambda: self.interface_type,
            "requester-managed": lambda: self.requester_managed,
            "requester-id": lambda: self.requester_id,
            "mac-address": lambda: self.mac_address,
            "owner-id": lambda: self.owner_id,
            "attachment.status": lambda: "attached" if self.attachment_id else None,
            "association.public-ip": lambda: self.public_ip,
            "association.allocation-id": lambda: association.get("allocationId"),
            "association.association-id": lambda: association.get("associationId"),
        }
        return known[filter_name]() if filter_name in known else original(self, filter_name, method_name)
