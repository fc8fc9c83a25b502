"""Volumes: a moment of `creating`, gp3's default throughput, and what the request said about block devices."""

from typing import Any

from moto.ec2.models.elastic_block_store import EBSBackend, Volume
from moto.ec2.responses._base_response import EC2BaseResponse
from moto.ec2.responses.instances import InstanceResponse

from ..emulator import Emulator
from ..patching import wrap, wrap_property

_GP3_THROUGHPUT = 125


def install(emulator: Emulator) -> None:
    """Applies the patches."""
    EC2BaseResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER.pop("CreateVolumeResponse.State")

    @wrap(EBSBackend, "create_volume")
    def create_volume(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        volume = original(self, *args, **kwargs)
        if volume.volume_type == "gp3" and not volume.throughput:
            volume.throughput = _GP3_THROUGHPUT
        volume.creating = True

        def created() -> None:
            volume.creating = False

        emulator.clock.after(emulator.delays.volumeCreatingMs, created)
        return volume

    @wrap_property(Volume, "status")
    def status(original: Any, self: Any) -> str:
        if not self.attachment and getattr(self, "creating", False):
            return "creating"
        return str(original(self))

    @wrap(EBSBackend, "delete_volume")
    def delete_volume(original: Any, self: Any, volume_id: str) -> Any:
        volume = original(self, volume_id)
        self.tags.pop(volume_id, None)
        return volume

    @wrap(InstanceResponse, "_parse_block_device_mapping")
    def parse(original: Any, self: Any) -> list[dict[str, Any]]:
        mappings: list[dict[str, Any]] = original(self)
        for mapping, requested in zip(mappings, self._get_param("BlockDeviceMappings", []), strict=True):
            ebs = requested.get("Ebs") or {}
            mapping["Ebs"]["Throughput"] = ebs.get("Throughput")
            # Left out means "as the image says", which is not the same as false.
            for name in ("DeleteOnTermination", "Encrypted"):
                mapping["Ebs"][name] = ebs.get(name)
        return mappings

    @wrap(InstanceResponse, "_validate_block_device_mapping")
    def validate(original: Any, *mapping: Any) -> None:
        """The root disk's size may be left out: the image has one."""
        ebs = mapping[-1].get("Ebs")
        if ebs is None or "VolumeSize" in ebs or "SnapshotId" in ebs:
            original(mapping[-1])
