"""What the machine host follows: instances that should be machines, and load balancers that should be proxies."""

from typing import Any

from moto.ec2.models import ec2_backends
from moto.elb.models import elb_backends
from moto.elbv2.models import elbv2_backends

from ..patches.elb_interfaces import interfaces_of
from ..patches.elbv2 import owner_name


def instances(query: dict[str, str]) -> list[dict[str, Any]]:
    """All instances still known, of every account and region, by id. Filters: account, region, state."""
    found = [
        _instance(account, region, instance)
        for account, region, backend in list(ec2_backends.iter_backends())
        for reservation in list(backend.reservations.values())
        for instance in reservation.instances
    ]
    return sorted((entry for entry in found if _selected(entry, query)), key=lambda entry: str(entry["id"]))


def _selected(entry: dict[str, Any], query: dict[str, str]) -> bool:
    return all(query.get(key) in (None, entry.get(key)) for key in ("account", "region", "state"))


def _instance(account: str, region: str, instance: Any) -> dict[str, Any]:
    subnet = instance.ec2_backend.get_subnet(instance.subnet_id) if instance.subnet_id else None
    vpc = instance.ec2_backend.vpcs.get(subnet.vpc_id) if subnet else None
    options = instance.metadata_options
    return {
        "id": instance.id,
        "account": account,
        "region": region,
        "availabilityZone": instance.availability_zone,
        "state": instance.state,
        "imageId": instance.image_id,
        "imageName": _image_name(instance),
        "instanceType": instance.instance_type,
        "launchIndex": int(instance.ami_launch_index),
        "launchTime": instance.launch_time.isoformat(),
        "privateIp": instance.private_ip,
        "privateDnsName": instance.private_dns_name,
        "publicIp": instance.public_ip,
        "macAddress": instance.nics[0].mac_address if instance.nics.get(0) else None,
        "interfaces": [_interface(nic) for _, nic in sorted(instance.nics.items())],
        "vpcId": instance.vpc_id,
        "vpcCidr": vpc.cidr_block if vpc else None,
        "subnetId": instance.subnet_id,
        "subnetCidr": subnet.cidr_block if subnet else None,
        "securityGroups": sorted({group.id for nic in instance.nics.values() for group in nic.group_set}),
        "keyName": instance.key_name,
        "userData": str(instance.user_data) if instance.user_data else None,
        "iamInstanceProfile": _profile_name(instance),
        "tags": tags_of(instance),
        "metadataOptions": {
            "httpEndpoint": options.http_endpoint,
            "httpTokens": options.http_tokens,
            "httpPutResponseHopLimit": int(options.http_put_response_hop_limit),
            "instanceMetadataTags": options.instance_metadata_tags,
        },
    }


def _interface(nic: Any) -> dict[str, Any]:
    return {
        "id": nic.id,
        "deviceIndex": nic.device_index,
        "macAddress": nic.mac_address,
        "privateIp": nic.private_ip_address,
        "subnetId": nic.subnet.id,
        "subnetCidr": nic.subnet.cidr_block,
        "ipv6Addresses": [address for address in nic.ipv6_addresses if address],
    }


def _image_name(instance: Any) -> str | None:
    image = instance.ec2_backend.amis.get(instance.image_id)
    return str(image.name) if image and image.name else None


def _profile_name(instance: Any) -> str | None:
    profile = instance.iam_instance_profile
    arn = profile.get("Arn") if isinstance(profile, dict) else None
    return str(arn).rsplit("/", 1)[-1] if arn else None


def tags_of(resource: Any) -> dict[str, str]:
    """Tags of an EC2 resource as a mapping."""
    return dict(sorted(resource.ec2_backend.tags.get(resource.id, {}).items()))


def load_balancers(query: dict[str, str]) -> list[dict[str, Any]]:
    """Classic and v2 load balancers of every account and region, by name, with resolved targets."""
    found = [
        *(
            _classic(a, r, lb)
            for a, r, backend in list(elb_backends.iter_backends())
            for lb in list(backend.load_balancers.values())
        ),
        *(
            _v2(a, r, backend, lb)
            for a, r, backend in list(elbv2_backends.iter_backends())
            for lb in list(backend.load_balancers.values())
        ),
    ]
    return sorted(
        (entry for entry in found if _selected(entry, query)),
        key=lambda e: (str(e["name"]), str(e["account"]), str(e["region"])),
    )


def _classic(account: str, region: str, lb: Any) -> dict[str, Any]:
    targets = [_instance_target(account, region, instance_id) for instance_id in sorted(lb.instance_ids)]
    check = lb.health_check
    return {
        "name": lb.name,
        "arn": None,
        "type": "classic",
        "account": account,
        "region": region,
        "dnsName": lb.dns_name,
        "scheme": lb.scheme,
        "state": "active",
        "vpcId": lb.vpc_id,
        "securityGroups": sorted(lb.security_groups),
        "subnets": sorted(lb.subnets),
        "addresses": _addresses(account, region, lb.name),
        "listeners": [
            {
                "port": int(listener.load_balancer_port),
                "protocol": listener.protocol,
                "targetGroupArn": None,
                "targets": [{**target, "port": int(listener.instance_port)} for target in targets],
                "healthCheck": {
                    "target": check.target,
                    "intervalSeconds": int(check.interval),
                    "timeoutSeconds": int(check.timeout),
                    "healthyThreshold": int(check.healthy_threshold),
                    "unhealthyThreshold": int(check.unhealthy_threshold),
                }
                if check
                else None,
            }
            for listener in sorted(lb.listeners, key=lambda item: int(item.load_balancer_port))
        ],
    }


def _addresses(account: str, region: str, owner: str) -> list[dict[str, Any]]:
    interfaces = interfaces_of(ec2_backends[account][region], owner)
    found = [{"subnetId": i.subnet.id, "privateIp": i.private_ip_address, "publicIp": i.public_ip} for i in interfaces]
    return sorted(found, key=lambda entry: str(entry["subnetId"]))


def _v2(account: str, region: str, backend: Any, lb: Any) -> dict[str, Any]:
    return {
        "name": lb.name,
        "arn": lb.arn,
        "type": lb.type,
        "account": account,
        "region": region,
        "dnsName": lb.dns_name,
        "scheme": lb.scheme,
        "state": lb.state,
        "vpcId": lb.vpc_id,
        "securityGroups": sorted(lb.security_groups or []),
        "subnets": sorted(subnet.id for subnet in lb.subnets),
        "addresses": _addresses(account, region, owner_name(lb)),
        "listeners": [
            entry
            for listener in sorted(lb.listeners.values(), key=lambda item: int(item.port))
            for entry in _v2_listener(account, region, backend, listener)
        ],
    }


def _v2_listener(account: str, region: str, backend: Any, listener: Any) -> list[dict[str, Any]]:
    groups = [arn for action in listener.default_actions for arn in backend._get_target_group_arns_from(action.data)]
    return [
        {
            "port": int(listener.port),
            "protocol": listener.protocol,
            "targetGroupArn": arn,
            "targets": [_v2_target(account, region, group, target) for _, target in sorted(group.targets.items())],
            "healthCheck": {
                "target": f"{group.health_check_protocol}:{group.health_check_port}{group.health_check_path or ''}",
                "intervalSeconds": int(group.health_check_interval_seconds),
                "timeoutSeconds": int(group.health_check_timeout_seconds),
                "healthyThreshold": int(group.healthy_threshold_count),
                "unhealthyThreshold": int(group.unhealthy_threshold_count),
            },
        }
        for arn in groups
        if (group := backend.target_groups.get(arn))
    ]


def _v2_target(account: str, region: str, group: Any, target: dict[str, Any]) -> dict[str, Any]:
    if group.target_type != "instance":
        return {"instanceId": None, "ip": target["Id"], "state": "running", "port": target["Port"]}
    return {**_instance_target(account, region, target["Id"]), "port": target["Port"]}


def _instance_target(account: str, region: str, instance_id: str) -> dict[str, Any]:
    instance = ec2_backends[account][region].get_instance_by_id(instance_id)
    return {
        "instanceId": instance_id,
        "ip": instance.private_ip if instance else None,
        "state": instance.state if instance else "terminated",
    }
