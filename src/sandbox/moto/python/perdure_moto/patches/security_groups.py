"""Security-group rules: protocols without ports, all-or-nothing changes, and equality that ignores descriptions."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ec2.responses.security_groups import SecurityGroups

from ..emulator import Emulator
from ..patching import wrap
from .errors import Ec2Error

_WITH_PORTS = {"tcp", "udp", "icmp", "icmpv6", "6", "17", "1", "58"}
_PORTS_REQUIRED = {"tcp", "udp", "6", "17"}


def install(emulator: Emulator) -> None:
    """Applies the patches."""
    _patch_rule()
    for direction in ("ingress", "egress"):
        _patch_authorize(direction)
        _patch_revoke(direction)


def _patch_rule() -> None:
    @wrap(SecurityGroupRule, "__init__")
    def init(
        original: Any,
        self: Any,
        ec2_backend: Any,
        ip_protocol: Any,
        group_id: str,
        from_port: Any,
        to_port: Any,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        protocol = str(ip_protocol).lower()
        if protocol not in _WITH_PORTS:
            # For any other protocol AWS ignores the ports and covers all of it: -1 makes moto skip them.
            original(self, ec2_backend, "-1", group_id, None, None, *args, **kwargs)
            self.ip_protocol = "-1" if protocol in ("-1", "all", "none") else protocol
            return
        ports = (-1 if from_port is None else from_port, -1 if to_port is None else to_port)
        original(self, ec2_backend, "icmpv6" if protocol == "58" else protocol, group_id, *ports, *args, **kwargs)

    SecurityGroupRule.__eq__ = lambda self, other: _identity(self) == _identity(other)
    SecurityGroupRule.__hash__ = lambda self: hash(_identity(self))


def _identity(rule: Any) -> tuple[Any, ...]:
    prefix_list = rule.prefix_list_id
    return (
        rule.ip_protocol,
        rule.from_port,
        rule.to_port,
        (rule.ip_range or {}).get("CidrIp"),
        (rule.ip_range or {}).get("CidrIpv6"),
        (rule.source_group or {}).get("GroupId"),
        prefix_list.get("PrefixListId") if isinstance(prefix_list, dict) else prefix_list,
    )


def _patch_authorize(direction: str) -> None:
    method = f"authorize_security_group_{direction}"

    @wrap(SecurityGroups, method)
    def authorize(original: Any, self: Any) -> ActionResult:
        self.error_on_dryrun()
        group = _group(self)
        _check_permissions(self)
        name = f"{direction}_rules"
        before = list(getattr(group, name))
        try:
            for arguments in self._process_rules_from_querystring():
                getattr(self.ec2_backend, method)(**arguments)
        except Exception:
            setattr(group, name, before)
            raise
        added = [rule for rule in getattr(group, name) if all(rule is not old for old in before)]
        return ActionResult({"Return": True, "SecurityGroupRules": added})


def _patch_revoke(direction: str) -> None:
    @wrap(SecurityGroups, f"revoke_security_group_{direction}")
    def revoke(original: Any, self: Any) -> ActionResult:
        group = _group(self)
        name = f"{direction}_rules"
        before = list(getattr(group, name))
        try:
            result: ActionResult = original(self)
        except Exception:
            setattr(group, name, before)
            raise
        return result


def _group(response: Any) -> Any:
    wanted = response._get_param("GroupId") or response._get_param("GroupName")
    group = response.ec2_backend.get_security_group_by_name_or_id(wanted)
    if group is None:
        raise Ec2Error("InvalidGroup.NotFound", f"The security group '{wanted}' does not exist")
    return group


def _check_permissions(response: Any) -> None:
    params = response._get_params()
    for permission in response._get_param("IpPermissions", []) or [params]:
        protocol = str(permission.get("IpProtocol", "")).lower()
        first, last = permission.get("FromPort"), permission.get("ToPort")
        if protocol in _PORTS_REQUIRED and (first is None or last is None):
            message = "Invalid value for portRange. Must specify both from and to ports with TCP/UDP."
            raise Ec2Error("InvalidParameterValue", message)
        if protocol in _PORTS_REQUIRED and int(first) > int(last):
            raise Ec2Error("InvalidParameterValue", f"Invalid TCP/UDP port range ({first}:{last})")
