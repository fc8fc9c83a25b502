#!/usr/bin/python3
"""Goes by an Ignition config, for machines of Perdure's sandbox whose user data is one, as on Flatcar.

perdure-ignition FILE: users, files, links, directories and units of versions 2.x and 3.x; configs it points to at s3://, http(s):// and data:
URLs. Disks are left alone: machines here have one. Ignition itself works in an initramfs; here units are started at the end.
"""

import base64
import datetime
import grp
import json
import os
import pathlib
import pwd
import subprocess
import sys
import urllib.parse
import urllib.request

METADATA = "http://169.254.169.254/latest"
UNITS = pathlib.Path("/etc/systemd/system")
# What Flatcar's agent tells of the machine; units of users wait for it.
METADATA_UNIT = """[Unit]
Description=Flatcar Metadata Agent
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
"""


def metadata(path):
    """One value of the instance metadata service, with a session token."""
    ask = urllib.request.Request(METADATA + "/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "300"})
    token = urllib.request.urlopen(ask, timeout=5).read().decode()
    read = urllib.request.Request("%s/%s" % (METADATA, path), headers={"X-aws-ec2-metadata-token": token})
    return urllib.request.urlopen(read, timeout=5).read().decode()


def endpoint():
    """Address of the emulated AWS."""
    return pathlib.Path("/etc/perdure/aws-endpoint").read_text().strip()


def s3_host(region):
    """The emulator takes the first label of another host for the name of a bucket."""
    return "s3.%s.amazonaws.com" % region


def from_bucket(bucket, key):
    """An object, read with the credentials of the instance's role."""
    identity = json.loads(metadata("dynamic/instance-identity/document"))
    role = metadata("meta-data/iam/security-credentials/").split("\n")[0]
    keys = json.loads(metadata("meta-data/iam/security-credentials/" + role))
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d")
    headers = {
        "Host": s3_host(identity["region"]),
        "Authorization": "AWS4-HMAC-SHA256 Credential=%s/%s/%s/s3/aws4_request, SignedHeaders=host, Signature=%s"
        % (keys["AccessKeyId"], day, identity["region"], "0" * 64),
        "X-Amz-Security-Token": keys["Token"],
        "X-Moto-Account-Id": identity["accountId"],
    }
    url = "%s/%s/%s" % (endpoint(), bucket, urllib.parse.quote(key))
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30).read()


def fetch(source):
    """The bytes at a URL of a config."""
    parts = urllib.parse.urlsplit(source)
    if parts.scheme == "s3":
        return from_bucket(parts.netloc, parts.path.lstrip("/"))
    if parts.scheme == "data":
        head, _, data = source[5:].partition(",")
        return base64.b64decode(data) if head.endswith(";base64") else urllib.parse.unquote_to_bytes(data)
    # Presigned URLs name the emulator by the address that its clients outside use.
    headers = {}
    if "X-Amz-Signature=" in source:
        source = endpoint() + parts.path + "?" + parts.query
        headers = {"Host": s3_host(json.loads(metadata("dynamic/instance-identity/document"))["region"])}
    return urllib.request.urlopen(urllib.request.Request(source, headers=headers), timeout=30).read()


def resolved(config):
    """The configs to go by, those pointed to after the one that points."""
    inner = config.get("ignition", {}).get("config", {})
    found = [config]
    for reference in [*(inner.get("append") or []), *(inner.get("merge") or []), *filter(None, [inner.get("replace")])]:
        found += resolved(json.loads(fetch(reference["source"])))
    return found


def make_user(user):
    """Makes or changes a user."""
    name = user["name"]
    try:
        pwd.getpwnam(name)
    except KeyError:
        command = ["useradd", "--create-home"]
        command += ["--home-dir", user["homeDir"]] if user.get("homeDir") else []
        command += ["--shell", user.get("shell") or "/bin/bash"]
        subprocess.run([*command, name], check=True)
    if user.get("passwordHash"):
        subprocess.run(["usermod", "--password", user["passwordHash"], name], check=True)
    for group in user.get("groups") or []:
        subprocess.run(["groupadd", "--force", group], check=True)
        subprocess.run(["usermod", "--append", "--groups", group, name], check=True)
    if user.get("sshAuthorizedKeys"):
        entry = pwd.getpwnam(name)
        folder = pathlib.Path(entry.pw_dir) / ".ssh"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        keys = folder / "authorized_keys"
        keys.write_text("".join(key + "\n" for key in user["sshAuthorizedKeys"]))
        for path in (folder, keys):
            os.chown(path, entry.pw_uid, entry.pw_gid)


def owner(node):
    """Ids of a node's user and group."""
    user, group = node.get("user") or {}, node.get("group") or {}
    uid = user.get("id") if user.get("id") is not None else (pwd.getpwnam(user["name"]).pw_uid if user.get("name") else 0)
    gid = group.get("id") if group.get("id") is not None else (grp.getgrnam(group["name"]).gr_gid if group.get("name") else 0)
    return uid, gid


def write_file(node):
    """Writes one file; `append` is a flag in version 2 and a list in version 3."""
    path = pathlib.Path(node["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    contents = node.get("contents") or {}
    data = fetch(contents["source"]) if contents.get("source") else b""
    appended = node.get("append")
    with open(path, "ab" if appended is True else "wb") as file:
        file.write(data)
        for piece in appended if isinstance(appended, list) else []:
            file.write(fetch(piece["source"]))
    os.chmod(path, node.get("mode") or 0o644)
    os.chown(path, *owner(node))


def write_unit(unit):
    """Writes a unit with its drop-ins; true when it is to be started."""
    name = unit["name"]
    if unit.get("contents"):
        (UNITS / name).write_text(unit["contents"])
    for dropin in unit.get("dropins") or []:
        folder = UNITS / (name + ".d")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / dropin["name"]).write_text(dropin.get("contents") or "")
    if unit.get("mask"):
        subprocess.run(["systemctl", "mask", name], check=False)
    return unit.get("enabled") is True or unit.get("enable") is True


def main():
    """Goes by the config in the file that is named."""
    configs = resolved(json.loads(pathlib.Path(sys.argv[1]).read_bytes()))
    host = metadata("meta-data/local-hostname")
    pathlib.Path("/run/metadata").mkdir(exist_ok=True)
    pathlib.Path("/run/metadata/flatcar").write_text(
        "COREOS_EC2_HOSTNAME=%s\nCOREOS_EC2_IPV4_LOCAL=%s\n" % (host, metadata("meta-data/local-ipv4"))
    )
    (UNITS / "coreos-metadata.service").write_text(METADATA_UNIT)
    started = []
    for config in configs:
        for user in config.get("passwd", {}).get("users") or []:
            make_user(user)
        storage = config.get("storage", {})
        for folder in storage.get("directories") or []:
            pathlib.Path(folder["path"]).mkdir(parents=True, exist_ok=True)
        for node in storage.get("files") or []:
            write_file(node)
        for link in storage.get("links") or []:
            pathlib.Path(link["path"]).unlink(missing_ok=True)
            os.symlink(link["target"], link["path"])
        started += [unit["name"] for unit in config.get("systemd", {}).get("units") or [] if write_unit(unit)]
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    for name in dict.fromkeys(started):
        subprocess.run(["systemctl", "enable", "--quiet", name], check=False)
        subprocess.run(["systemctl", "start", "--no-block", name], check=True)


main()
