"""CloudFormation: a managed policy leaves the roles that have it before it goes, as AWS's does."""

from moto.iam.models import ManagedPolicy, iam_backends
from moto.utilities.utils import get_partition

from ..emulator import Emulator


def install(emulator: Emulator) -> None:
    """Applies the patches."""

    def delete(self: ManagedPolicy, account_id: str, region_name: str) -> None:
        backend = iam_backends[account_id][get_partition(region_name)]
        for role in list(backend.roles.values()):
            role.managed_policies.pop(self.arn, None)
        backend.managed_policies.pop(self.arn, None)

    ManagedPolicy.delete = delete
