"""Everything the plug-in changes in moto, one module per concern. Installed once, before the first request."""

from ..emulator import Emulator
from . import (
    address_pools,
    addresses,
    addressing,
    autoscaling,
    buckets,
    consoles,
    dependencies,
    dhcp,
    dry_run,
    elb,
    elbv2,
    elbv2_listeners,
    elbv2_targets,
    filters,
    iam_profiles,
    images,
    instance_refreshes,
    instance_states,
    launch,
    launch_templates,
    nat_gateways,
    paging,
    routes,
    security_groups,
    stacks,
    subnets,
    tagging,
    tokens,
    volumes,
    vpc_endpoints,
    zones,
)

# Later ones wrap earlier ones: tokens see requests before anything is made, paging cuts what all others answer.
_CONCERNS = (
    filters,
    iam_profiles,
    images,
    addressing,
    volumes,
    instance_states,
    launch,
    launch_templates,
    autoscaling,
    instance_refreshes,
    consoles,
    zones,
    subnets,
    security_groups,
    stacks,
    routes,
    nat_gateways,
    addresses,
    dhcp,
    vpc_endpoints,
    address_pools,
    buckets,
    dependencies,
    elb,
    elbv2,
    elbv2_listeners,
    elbv2_targets,
    tagging,
    tokens,
    paging,
    dry_run,
)


def install(emulator: Emulator) -> None:
    """Applies all patches."""
    for concern in _CONCERNS:
        concern.install(emulator)
