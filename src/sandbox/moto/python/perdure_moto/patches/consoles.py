"""GetConsoleOutput: what the machine printed, not moto's sample; nothing before its host has told."""

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.responses.general import General
from moto.ec2.utils import Base64EncodedString

from ..emulator import Emulator
from ..patching import wrap


def install(emulator: Emulator) -> None:
    """Applies the patches."""

    @wrap(General, "get_console_output")
    def get_console_output(_original: Any, self: Any) -> ActionResult:
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        text = emulator.consoles.get(instance.id, "")
        output = {"Output": Base64EncodedString.from_raw_string(text)} if text else {}
        return ActionResult({"InstanceId": instance.id, "Timestamp": utcnow(), **output})
