"""DHCP options: every region has a default set, every VPC starts with it."""

from typing import Any

from moto.ec2.models.dhcp_options import DHCPOptionsSetBackend
from moto.ec2.models.vpcs import VPC

from ..emulator import Emulator
from ..patching import wrap, wrap_property
from .addressing import private_domain


def default_options(backend: Any) -> Any:
    """The region's own option set: Amazon's resolver and the region's private domain."""
    for options in backend.dhcp_options_sets.values():
        if getattr(options, "is_default", False):
            return options
    domain = private_domain(backend.region_name)
    options = backend.create_dhcp_options(domain_name=[domain], domain_name_servers=["AmazonProvidedDNS"])
    options.is_default = True
    return options


def install(emulator: Emulator) -> None:
    """Applies the patches."""

    @wrap_property(VPC, "dhcp_options_id")
    def dhcp_options_id(original: Any, self: Any) -> str:
        return str(self.dhcp_options.id if self.dhcp_options else default_options(self.ec2_backend).id)

    @wrap(DHCPOptionsSetBackend, "describe_dhcp_options")
    def describe(original: Any, self: Any, dhcp_options_ids: list[str] | None = None, filters: Any = None) -> Any:
        default_options(self)
        return original(self, dhcp_options_ids, filters)

    @wrap(VPC, "get_filter_value")
    def get_filter_value(original: Any, self: Any, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name in ("dhcp-options-id", "dhcpOptionsId"):
            return self.dhcp_options_id
        return original(self, filter_name, method_name)
