"""Every resource a user has left behind, normalised so that two inventories compare."""

from collections.abc import Iterable, Iterator
from typing import Any

from moto.autoscaling.models import autoscaling_backends
from moto.ec2.models import ec2_backends
from moto.elb.models import elb_backends
from moto.elbv2.models import elbv2_backends
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.route53.models import route53_backends
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sqs.models import sqs_backends
from moto.ssm.models import ssm_backends

from ..patches.iam_profiles import SUFFIX

_GONE = {"terminated", "deleted", "failed", "released"}
Item = dict[str, Any]


def inventory(query: dict[str, str]) -> list[Item]:
    """Sorted list of {account, region, service, type, id, name, tags}.

    Left out: the furniture of a new account (default VPC, default groups, main tables, prepared roles), what AWS
    manages for another resource (interfaces of gateways and load balancers, `aws:` tags), and what is only still shown.
    """
    found: list[Item] = []
    for read, backends in _READERS:
        for account, region, backend in list(backends.iter_backends()):
            for service, kind, resource_id, name, tags in read(backend):
                shown = {k: v for k, v in sorted((tags or {}).items()) if not k.startswith("aws:")}
                found.append(
                    {
                        "account": account,
                        "region": region,
                        "service": service,
                        "type": kind,
                        "id": resource_id,
                        "name": name,
                        "tags": shown,
                    }
                )
    keys = ("account", "region", "service", "type")
    wanted = [item for item in found if all(query.get(key) in (None, item[key]) for key in keys)]
    return sorted(wanted, key=lambda item: tuple(str(item[key]) for key in (*keys, "name", "id")))


def _ec2(backend: Any) -> Iterator[tuple[str, str, str, str, dict[str, str]]]:
    for kind, resources in _ec2_resources(backend):
        for resource in list(resources):
            if getattr(resource, "state", "") in _GONE:
                continue
            tags = dict(backend.tags.get(resource.id, {}))
            name = tags.get("Name") or str(getattr(resource, "name", "") or "")
            yield "ec2", kind, str(resource.id), name, tags


def _ec2_resources(backend: Any) -> Iterator[tuple[str, Iterable[Any]]]:
    default_vpcs = {vpc.id for vpc in backend.vpcs.values() if vpc.is_default}
    yield "vpc", (vpc for vpc in backend.vpcs.values() if not vpc.is_default)
    yield (
        "subnet",
        (
            s
            for zone in backend.subnets.values()
            for s in zone.values()
            if s.vpc_id not in default_vpcs or not s.default_for_az
        ),
    )
    yield "security-group", (g for groups in backend.groups.values() for g in groups.values() if not g.is_default)
    yield "route-table", (t for t in backend.route_tables.values() if not t.main_association_id)
    yield "network-acl", (a for a in backend.network_acls.values() if not a.default)
    yield "internet-gateway", backend.internet_gateways.values()
    yield "egress-only-internet-gateway", backend.egress_only_internet_gateways.values()
    yield "carrier-gateway", backend.carrier_gateways.values()
    yield "natgateway", backend.nat_gateways.values()
    yield "elastic-ip", backend.addresses
    yield "network-interface", (i for i in backend.enis.values() if not i.requester_managed)
    yield "vpc-endpoint", backend.vpc_end_points.values()
    yield "vpc-peering-connection", (p for p in backend.vpc_pcxs.values() if p._status.code == "active")
    yield "instance", (i for r in backend.reservations.values() for i in r.instances)
    yield "volume", backend.volumes.values()
    yield "snapshot", (s for s in backend.snapshots.values() if not s.from_ami)
    yield "image", (a for a in backend.amis.values() if a.owner_id == backend.account_id)
    yield "launch-template", backend.launch_templates.values()
    yield "dedicated-host", backend.hosts.values()
    yield "dhcp-options", (d for d in backend.dhcp_options_sets.values() if not getattr(d, "is_default", False))
    yield "key-pair", backend.key_pairs.values()


def _groups(backend: Any) -> Iterator[tuple[str, str, str, str, dict[str, str]]]:
    for group in list(backend.autoscaling_groups.values()):
        yield "autoscaling", "group", group.arn, group.name, {tag["Key"]: tag["Value"] for tag in group.tags}


def _classic(backend: Any) -> Iterator[tuple[str, str, str, str, dict[str, str]]]:
    for lb in list(backend.load_balancers.values()):
        yield "elb", "loadbalancer", lb.name, lb.name, dict(lb.tags)


def _v2(backend: Any) -> Iterator[tuple[str, str, str, str, dict[str, str]]]:
    tags = backend.tagging_service.get_tag_dict_for_resource
    for lb in list(backend.load_balancers.values()):
        yield "elbv2", "loadbalancer", lb.arn, lb.name, tags(lb.arn)
        for listener in lb.listeners.values():
            yield "elbv2", "listener", listener.arn, f"{lb.name}:{listener.port}", tags(listener.arn)
    for group in list(backend.target_groups.values()):
        yield "elbv2", "targetgroup", group.arn, group.name, tags(group.arn)


def _secrets(backend: Any) -> Iterator[tuple[str, str, str, str, dict[str, str]]]:
    for secret in list(backend.secrets.values()):
        if not getattr(secret, "deleted_date", None):
            tags = {tag["Key"]: tag["Value"] for tag in getattr(secret, "tags", None) or []}
            yield "secretsmanager", "secret", secret.arn, secret.name, tags


def _buckets(backend: Any) -> Iterator[tuple[str, str, str, str, dict[str, str]]]:
    for bucket in list(backend.buckets.values()):
        yield "s3", "bucket", bucket.name, bucket.name, backend.tagger.get_tag_dict_for_resource(bucket.arn)
        for key in list(bucket.keys):
            yield "s3", "object", f"{bucket.name}/{key}", key, {}


def _iam(backend: Any) -> Iterator[tuple[str, str, str, str, dict[str, str]]]:
    for role in list(backend.roles.values()):
        if not role.name.endswith(SUFFIX):
            yield "iam", "role", role.arn, role.name, {}
    for profile in list(backend.instance_profiles.values()):
        if not profile.name.endswith(SUFFIX):
            yield "iam", "instance-profile", profile.arn, profile.name, {}


def _parameters(backend: Any) -> Iterator[tuple[str, str, str, str, dict[str, str]]]:
    for name in list(backend._parameters.keys()):
        if not name.startswith("/aws/"):
            yield "ssm", "parameter", name, name, {}


def _records(backend: Any) -> Iterator[tuple[str, str, str, str, dict[str, str]]]:
    for zone in list(backend.zones.values()):
        tags = dict(backend.resource_tags.get(zone.id, {}))
        yield "route53", "zone", zone.id, zone.name, tags
        for record in list(zone.rrsets):
            if record.type not in ("NS", "SOA"):
                yield "route53", "record", f"{zone.id}/{record.name}/{record.type}/{record.set_identifier or ''}", record.name, {}


def _queues(backend: Any) -> Iterator[tuple[str, str, str, str, dict[str, str]]]:
    for queue in list(backend.queues.values()):
        yield "sqs", "queue", queue.queue_arn, queue.name, dict(queue.tags)


def _rules(backend: Any) -> Iterator[tuple[str, str, str, str, dict[str, str]]]:
    for bus in list(backend.event_buses.values()):
        for rule in list(bus.rules.values()):
            yield "events", "rule", rule.arn, rule.name, backend.tagger.get_tag_dict_for_resource(rule.arn)


def _log_groups(backend: Any) -> Iterator[tuple[str, str, str, str, dict[str, str]]]:
    for group in list(backend.groups.values()):
        yield "logs", "group", group.name, group.name, backend.tagger.get_tag_dict_for_resource(group.arn)


_READERS = [
    (_ec2, ec2_backends),
    (_groups, autoscaling_backends),
    (_classic, elb_backends),
    (_v2, elbv2_backends),
    (_secrets, secretsmanager_backends),
    (_buckets, s3_backends),
    (_iam, iam_backends),
    (_parameters, ssm_backends),
    (_records, route53_backends),
    (_log_groups, logs_backends),
    (_queues, sqs_backends),
    (_rules, events_backends),
]
