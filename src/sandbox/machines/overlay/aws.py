#!/usr/bin/python3
"""The part of the AWS command line that boot scripts use, for machines of Perdure's sandbox.

Speaks to the emulated AWS whose address is in /etc/perdure/aws-endpoint. Takes any operation of the services with a JSON protocol
(secretsmanager, ssm) and `sts get-caller-identity`; `--query` takes paths like SecretBinary, Parameter.Value or Parameters[0].Value.
"""

import datetime
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

METADATA = "http://169.254.169.254/latest"
TARGETS = {"secretsmanager": "secretsmanager", "ssm": "AmazonSSM"}
FLAGS = {"force-delete-without-recovery", "with-decryption", "no-cli-pager", "no-sign-request", "no-verify-ssl", "overwrite", "recursive", "debug"}
GLOBAL = {"region", "endpoint-url", "output", "query", "profile", "no-cli-pager", "no-sign-request", "no-verify-ssl", "debug"}


def fail(message, code):
    """Ends as the AWS command line does."""
    sys.stderr.write("\n%s\n" % message)
    sys.exit(code)


def parse(argv):
    """Positional words and options; a flag has the value True."""
    words, options, rest = [], {}, list(argv)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            words.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        if name in FLAGS:
            options[name] = True
        elif equals:
            options[name] = value
        else:
            values = []
            while rest and not rest[0].startswith("--") and (not values or name.endswith("s")):
                values.append(rest.pop(0))
            options[name] = values if name.endswith("s") and name != "no-cli-pager" else (values or [""])[0]
    return words, options


def metadata(path):
    """One value of the instance metadata service, with a session token."""
    ask = urllib.request.Request(METADATA + "/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "300"})
    token = urllib.request.urlopen(ask, timeout=5).read().decode()
    read = urllib.request.Request("%s/%s" % (METADATA, path), headers={"X-aws-ec2-metadata-token": token})
    return urllib.request.urlopen(read, timeout=5).read().decode()


def credentials():
    """Access key and session token of the instance's role, and the account."""
    account = json.loads(metadata("dynamic/instance-identity/document"))
    try:
        role = metadata("meta-data/iam/security-credentials/").split("\n")[0]
        return json.loads(metadata("meta-data/iam/security-credentials/" + role)), account
    except urllib.error.HTTPError:
        fail("Unable to locate credentials. You can configure credentials by running \"aws configure\".", 253)


def pascal(name):
    """secret-id → SecretId"""
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))


def call(service, operation, options):
    """One call to the emulator; answers the parsed JSON."""
    keys, identity = credentials()
    region = options.get("region") or identity["region"]
    with open("/etc/perdure/aws-endpoint") as file:
        endpoint = file.read().strip()
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d")
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=host, Signature=%s"
        % (keys["AccessKeyId"], day, region, service, "0" * 64),
        "X-Amz-Security-Token": keys["Token"],
        "X-Moto-Account-Id": identity["accountId"],
    }
    if service == "sts":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urllib.parse.urlencode({"Action": pascal(operation), "Version": "2011-06-15"}).encode()
    else:
        headers["Content-Type"] = "application/x-amz-json-1.1"
        headers["X-Amz-Target"] = "%s.%s" % (TARGETS[service], pascal(operation))
        body = json.dumps({pascal(k): v for k, v in options.items() if k not in GLOBAL}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(endpoint + "/", data=body, headers=headers), timeout=30) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        told = json.loads(error.read().decode() or "{}") if service != "sts" else {}
        code = str(told.get("__type", error.code)).split("#")[-1]
        message = told.get("message") or told.get("Message") or error.reason
        fail("An error occurred (%s) when calling the %s operation: %s" % (code, pascal(operation), message), 254)
    except OSError as error:
        fail('Could not connect to the endpoint URL: "%s/" (%s)' % (endpoint, error), 255)
    if service == "sts":
        return {k: "".join(re.findall("<%s>([^<]*)<" % k, text)[:1]) for k in ("UserId", "Account", "Arn")}
    return json.loads(text or "{}")


def select(value, query):
    """The little of JMESPath that is names, dots and indices."""
    for part in re.findall(r"[A-Za-z_][A-Za-z0-9_]*|\[\d+\]", query or ""):
        if part.startswith("["):
            index = int(part[1:-1])
            value = value[index] if isinstance(value, list) and index < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def main():
    """aws [options] SERVICE OPERATION [options]"""
    words, options = parse(sys.argv[1:])
    if "version" in options:
        print("aws-cli/2.0.0 Perdure-sandbox")
        return
    if len(words) != 2 or (words[0] not in TARGETS and words != ["sts", "get-caller-identity"]):
        fail("aws: error: the sandbox's aws command knows the services secretsmanager and ssm, and sts get-caller-identity", 252)
    value = select(call(words[0], words[1], options), options.get("query"))
    if options.get("output") == "text":
        if isinstance(value, (dict, list)):
            value = "\t".join(str(v) for v in (value.values() if isinstance(value, dict) else value))
        print("None" if value is None else value)
    elif value is not None and value != {}:
        print(json.dumps(value, indent=4))


main()
