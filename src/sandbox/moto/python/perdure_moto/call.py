"""One AWS call as the gate sees it: service, action, caller, parameters, read from the request itself."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

_SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_READ_PREFIXES = ("Describe", "List", "Get", "Lookup", "Head", "BatchGet", "Search", "Simulate", "Assume", "Decode")
_SERVICES = {"elasticloadbalancing": "elb", "monitoring": "cloudwatch"}
_ELBV2_VERSION = "2015-12-01"


@dataclass
class Call:
    """`service` is moto's name, v2 load balancers being `elbv2`; `params` are flat, as in the query protocol."""

    service: str
    action: str
    region: str
    access_key: str
    account_id: str
    protocol: str
    method: str
    path: str
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def mutating(self) -> bool:
        """Whether AWS would count it as a write."""
        if self.service == "sts" or self.params.get("DryRun") == "true":
            return False
        if self.service == "s3":
            return self.method not in ("GET", "HEAD")
        return not self.action.startswith(_READ_PREFIXES)


def read_call(environ: dict[str, Any], body: bytes) -> Call:
    """Reads what the call is; an unsigned or foreign request becomes a call with empty names."""
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    access_key, region, signing_name = scope.groups() if scope else ("", "us-east-1", "")
    service = _SERVICES.get(signing_name, signing_name)
    method, path = environ.get("REQUEST_METHOD", "GET"), environ.get("PATH_INFO", "/")
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    content_type = environ.get("CONTENT_TYPE", "")
    params: dict[str, Any] = {}
    if target:
        protocol, action = "json", target.split(".")[-1]
        params = _json_object(body)
    elif content_type.startswith("application/x-www-form-urlencoded") or "Action=" in environ.get("QUERY_STRING", ""):
        query = body.decode("utf-8", "replace") or environ.get("QUERY_STRING", "")
        params = dict(parse_qsl(query, keep_blank_values=True))
        action = str(params.get("Action", ""))
        protocol = "ec2" if service == "ec2" else "query"
        if service == "elb" and params.get("Version") == _ELBV2_VERSION:
            service = "elbv2"
    else:
        protocol, action = "rest-json", f"{method} {path}"
        if service == "s3":
            protocol, action = "rest-xml", _s3_action(method, path, environ.get("QUERY_STRING", ""))
        elif service == "route53":
            protocol, action = "rest-xml", _route53_action(method, path)
    account_id = environ.get("HTTP_X_MOTO_ACCOUNT_ID") or _account_of(access_key)
    return Call(service, action, region, access_key, account_id, protocol, method, path, params)


_S3_PARTS = {
    "tagging": "Tagging",
    "policy": "Policy",
    "lifecycle": "LifecycleConfiguration",
    "versioning": "Versioning",
    "encryption": "Encryption",
    "versions": "ObjectVersions",
}
_S3_VERBS = {"PUT": "Put", "GET": "Get", "HEAD": "Head", "DELETE": "Delete", "POST": "Post"}


def _s3_action(method: str, path: str, query: str) -> str:
    """S3 names its actions nowhere in a request: they follow from method, path and query."""
    inside = path.strip("/").partition("/")[2] != ""
    part = next((name for key, name in _S3_PARTS.items() if key in query.split("&")[0].split("=")[0].split(",")), "")
    if method == "POST" and query.startswith("delete"):
        return "DeleteObjects"
    if part == "ObjectVersions":
        return "ListObjectVersions"
    if not inside and not part:
        return {"PUT": "CreateBucket", "GET": "ListObjects", "HEAD": "HeadBucket", "DELETE": "DeleteBucket"}.get(method, method)
    return f"{_S3_VERBS.get(method, method)}{'Object' if inside else 'Bucket'}{part}"


_ROUTE53_ACTIONS = {
    ("GET", "hostedzone"): "ListHostedZones",
    ("POST", "hostedzone"): "CreateHostedZone",
    ("GET", "hostedzone/rrset"): "ListResourceRecordSets",
    ("POST", "hostedzone/rrset"): "ChangeResourceRecordSets",
    ("POST", "tags/hostedzone"): "ListTagsForResources",
}


def _route53_action(method: str, path: str) -> str:
    """Route 53 names its actions no more than S3 does; those that nobody here makes go by method and path."""
    parts = path.strip("/").split("/")[1:]
    kind = "/".join(parts[:1] + parts[2:]) if parts[:1] == ["hostedzone"] else "/".join(parts)
    return _ROUTE53_ACTIONS.get((method, kind), f"{method} {path}")


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _account_of(access_key: str) -> str:
    from moto.iam import models

    return str(models.get_account_id_from(access_key))


def caller_arn(call: Call) -> str:
    """The role session behind the access key, or the account's own identity."""
    from moto.sts.models import sts_backends

    for backend in list(sts_backends.get(call.account_id, {}).values()):
        session = backend.get_assumed_role_from_access_key(call.access_key)
        if session:
            return str(session.arn)
    return f"arn:aws:sts::{call.account_id}:user/moto"
