"""Resource tagging: the resource kinds moto leaves out, and classic load balancers under their proper type."""

from collections.abc import Iterator
from typing import Any

from moto.core.resource_tagging import TaggedResource
from moto.ec2.models import EC2Backend
from moto.elb.models import ELBBackend
from moto.elbv2.models import ELBv2Backend
from moto.logs.models import LogsBackend

from ..emulator import Emulator
from ..patching import wrap


def install(emulator: Emulator) -> None:
    """Applies the patches."""

    @wrap(EC2Backend, "iter_tagged_resources")
    def ec2_resources(original: Any, self: Any) -> Iterator[TaggedResource]:
        yield from original(self)
        kinds = {
            "elastic-ip": self.addresses,
            "vpc-endpoint": self.vpc_end_points.values(),
            "launch-template": self.launch_templates.values(),
            "egress-only-internet-gateway": self.egress_only_internet_gateways.values(),
            "carrier-gateway": self.carrier_gateways.values(),
            "dedicated-host": self.hosts.values(),
            "dhcp-options": self.dhcp_options_sets.values(),
            "network-acl": self.network_acls.values(),
        }
        for kind, resources in kinds.items():
            for resource in list(resources):
                arn = f"arn:{self.partition}:ec2:{self.region_name}:{self.account_id}:{kind}/{resource.id}"
                yield TaggedResource(arn=arn, tags=dict(self.tags.get(resource.id, {})), resource_type=f"ec2:{kind}")

    @wrap(LogsBackend, "iter_tagged_resources")
    def log_groups(original: Any, self: Any) -> Iterator[TaggedResource]:
        for resource in original(self):
            resource.resource_type = "logs:log-group"
            yield resource

    @wrap(ELBBackend, "iter_tagged_resources")
    def classic_resources(original: Any, self: Any) -> Iterator[TaggedResource]:
        for resource in original(self):
            resource.resource_type = "elasticloadbalancing:loadbalancer"
            yield resource

    @wrap(ELBv2Backend, "iter_tagged_resources")
    def v2_resources(original: Any, self: Any) -> Iterator[TaggedResource]:
        for resource in original(self):
            resource.extra.pop("include_untagged", None)
            yield resource
        for lb in self.load_balancers.values():
            for arn in lb.listeners:
                tags = self.tagging_service.get_tag_dict_for_resource(arn)
                yield TaggedResource(arn=arn, tags=tags, resource_type="elasticloadbalancing:listener")

    def tag_v2(self: Any, arn: str, tags: dict[str, str]) -> None:
        self.add_tags([arn], [{"Key": k, "Value": v} for k, v in tags.items()])

    def untag_v2(self: Any, arn: str, tag_keys: list[str]) -> None:
        self.remove_tags([arn], tag_keys)

    ELBv2Backend.tag_resource, ELBv2Backend.untag_resource = tag_v2, untag_v2
    ELBv2Backend.owns_arn = lambda self, arn: ":elasticloadbalancing:" in arn and not _is_classic(arn)
    ELBBackend.owns_arn = lambda self, arn: ":elasticloadbalancing:" in arn and _is_classic(arn)

    def tag_classic(self: Any, arn: str, tags: dict[str, str]) -> None:
        self.get_load_balancer(arn.rsplit("/", 1)[1]).tags.update(tags)

    def untag_classic(self: Any, arn: str, tag_keys: list[str]) -> None:
        tags = self.get_load_balancer(arn.rsplit("/", 1)[1]).tags
        for key in tag_keys:
            tags.pop(key, None)

    ELBBackend.tag_resource, ELBBackend.untag_resource = tag_classic, untag_classic


def _is_classic(arn: str) -> bool:
    return ":loadbalancer/" in arn and arn.count("/") == 1
