"""Images: a root disk as real ones have, and the filters for it."""

from typing import Any

from moto.ec2.models.amis import Ami

from ..emulator import Emulator
from ..patching import wrap, wrap_property

ROOT_SIZE_GIB = 8


def install(emulator: Emulator) -> None:
    """Applies the patches."""

    @wrap_property(Ami, "block_device_mappings")
    def block_device_mappings(original: Any, self: Any) -> list[dict[str, Any]]:
        mappings: list[dict[str, Any]] = original(self)
        for mapping in mappings:
            mapping["Ebs"].update(VolumeSize=ROOT_SIZE_GIB, VolumeType="gp3", DeleteOnTermination=True, Encrypted=False)
        return mappings

    @wrap(Ami, "get_filter_value")
    def get_filter_value(original: Any, self: Any, filter_name: str, method_name: str | None = None) -> Any:
        known = {
            "root-device-name": self.root_device_name,
            "root-device-type": self.root_device_type,
            "image-type": self.image_type,
            "hypervisor": self.hypervisor,
            "description": self.description,
        }
        return known[filter_name] if filter_name in known else original(self, filter_name, method_name)
