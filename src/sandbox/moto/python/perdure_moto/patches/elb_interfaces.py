"""Network interfaces of load balancers: one per subnet while they live, and a moment longer, as on AWS."""

from typing import Any

from moto.ec2.models import ec2_backends

from ..emulator import Emulator


def add_interfaces(
    account_id: str, region: str, owner: str, subnets: list[Any], groups: list[str], kind: str, public: bool
) -> None:
    """Gives a load balancer an interface in each of `subnets`; `owner` is its description, as `ELB net/name/id`."""
    backend = ec2_backends[account_id][region]
    taken = {interface.subnet.id for interface in interfaces_of(backend, owner)}
    for subnet in subnets:
        if subnet.id in taken:
            continue
        interface = backend.create_network_interface(
            subnet, None, group_ids=groups, description=f"ELB {owner}", public_ip_auto_assign=public
        )
        interface.requester_managed, interface.requester_id = True, "amazon-elb"
        interface.interface_type, interface.status = kind, "in-use"
        if not groups:
            interface._group_set = []


def set_subnets(
    account_id: str, region: str, owner: str, subnets: list[Any], groups: list[str], kind: str, public: bool
) -> None:
    """Moves the interfaces to exactly `subnets`."""
    backend = ec2_backends[account_id][region]
    wanted = {subnet.id for subnet in subnets}
    for interface in interfaces_of(backend, owner):
        if interface.subnet.id not in wanted:
            backend.delete_network_interface(interface.id)
    add_interfaces(account_id, region, owner, subnets, groups, kind, public)


def set_groups(account_id: str, region: str, owner: str, groups: list[str]) -> None:
    """Puts the load balancer's security groups on its interfaces."""
    backend = ec2_backends[account_id][region]
    for interface in interfaces_of(backend, owner):
        interface._group_set = [backend.get_security_group_from_id(group_id) for group_id in groups]


def remove_interfaces_later(emulator: Emulator, account_id: str, region: str, owner: str) -> None:
    """The interfaces of a deleted load balancer stay for a while and keep subnets and groups in use."""
    backend = ec2_backends[account_id][region]
    leaving = [interface.id for interface in interfaces_of(backend, owner)]

    def remove() -> None:
        for interface_id in leaving:
            if interface_id in backend.enis:
                backend.delete_network_interface(interface_id)

    emulator.clock.after(emulator.delays.loadBalancerInterfacesMs, remove)


def interfaces_of(backend: Any, owner: str) -> list[Any]:
    """The interfaces of one load balancer."""
    return [
        interface
        for interface in backend.enis.values()
        if interface.requester_managed and interface.description == f"ELB {owner}"
    ]
