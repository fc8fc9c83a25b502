"""Accounts come prepared as Cluster API's AWS provider asks its users to: with its roles and instance profiles."""

import json
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam import models as iam_models
from moto.iam.models import IAMBackend

from ..emulator import Emulator
from ..patching import wrap

SUFFIX = ".cluster-api-provider-aws.sigs.k8s.io"
_ROLES = ("control-plane", "nodes", "controllers")
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def install(emulator: Emulator) -> None:
    """Applies the patches."""

    @wrap(IAMBackend, "__init__")
    def init(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        for kind in _ROLES:
            name = f"{kind}{SUFFIX}"
            self.create_role(
                role_name=name,
                assume_role_policy_document=json.dumps(_TRUST),
                path="/",
                permissions_boundary=None,
                description="prepared for Cluster API",
                tags=[],
                max_session_duration="3600",
            )
            self.create_instance_profile(name=name, path="/", role_names=[name])

    @wrap(iam_models, "get_account_id_from")
    def get_account_id_from(original: Any, access_key: str) -> str:
        """The account of a key; moto's own search builds the IAM of every partition on the way."""
        for account_id, account in list(iam_models.iam_backends.items()):
            if any(access_key in backend.access_keys for backend in list(account.values())):
                return account_id
        return str(DEFAULT_ACCOUNT_ID)
