"""DryRun on every EC2 write: moto honours it on some calls and makes the resource on the others."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import DryRunClientError
from moto.ec2.responses import EC2Response

from ..emulator import Emulator
from ..patching import wrap

_READS = ("Describe", "Get", "List", "Search")


def install(emulator: Emulator) -> None:
    """Applies the patches."""

    @wrap(EC2Response, "call_action")
    def call_action(original: Any, self: Any) -> Any:
        if self._get_param("DryRun", False) and not self._get_action().startswith(_READS):
            status, headers, body = self.serialized(ActionResult(DryRunClientError()))
            return status, headers, body
        return original(self)
