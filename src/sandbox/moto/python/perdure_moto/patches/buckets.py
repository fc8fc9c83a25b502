"""Bucket policies: a rule against plain HTTP does not bind the loopback, where nothing else is spoken."""

import json
from typing import Any

from moto.s3.models import FakeBucket

from ..emulator import Emulator
from ..patching import wrap


def install(emulator: Emulator) -> None:
    """Applies the patches."""

    @wrap(FakeBucket, "get_permission")
    def get_permission(original: Any, self: Any, action: str, resource: str) -> Any:
        policy = self.policy
        if policy is None:
            return original(self, action, resource)
        document = json.loads(policy.decode())
        document["Statement"] = [
            one for one in document["Statement"] if "aws:SecureTransport" not in one.get("Condition", {}).get("Bool", {})
        ]
        self.policy = json.dumps(document).encode() if document["Statement"] else None
        try:
            return original(self, action, resource)
        finally:
            self.policy = policy
