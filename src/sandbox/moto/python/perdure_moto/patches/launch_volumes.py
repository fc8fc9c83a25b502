"""Disks of a launched instance: the image's root disk, changed and extended by the request."""

from typing import Any

from .errors import Ec2Error


def planned_mappings(backend: Any, image_id: str, kwargs: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The disks to create, root first; None leaves a launch moto handles itself (launch configurations) alone."""
    if kwargs.get("launch_config"):
        return None
    requested = kwargs.get("block_device_mappings")
    template = kwargs.get("launch_template")
    if template:
        data = backend._get_template_from_args(template).data
        image_id = image_id or data.get("ImageId")
        requested = requested or data.get("BlockDeviceMappings")
    images = backend.describe_images(filters={"image-id": image_id})
    planned: dict[str, dict[str, Any]] = {}
    for mapping in images[0].block_device_mappings if images else []:
        planned[mapping["DeviceName"]] = dict(mapping["Ebs"])
    for mapping in requested or []:
        device, ebs = mapping["DeviceName"], {k: v for k, v in (mapping.get("Ebs") or {}).items() if v is not None}
        if mapping.get("NoDevice") == "":
            planned.pop(device, None)
            continue
        base = planned.get(device, {})
        smallest = int(base.get("VolumeSize", 0))
        if int(ebs.get("VolumeSize") or smallest) < smallest:
            message = f"Volume of size {ebs['VolumeSize']}GB is smaller than snapshot '{base['SnapshotId']}'"
            raise Ec2Error("InvalidBlockDeviceMapping", f"{message}, expect size>= {smallest}GB")
        planned[device] = {**base, **ebs}
    return [{"DeviceName": device, **ebs} for device, ebs in planned.items()]


def create_volumes(backend: Any, instance: Any, mappings: list[dict[str, Any]], tags: dict[str, str]) -> None:
    """Creates, attaches and tags the planned disks."""
    for mapping in mappings:
        volume_type = mapping.get("VolumeType")
        volume = backend.create_volume(
            size=mapping.get("VolumeSize"),
            zone_name=instance.placement.zone,
            snapshot_id=mapping.get("SnapshotId"),
            encrypted=bool(mapping.get("Encrypted")),
            kms_key_id=mapping.get("KmsKeyId"),
            volume_type=volume_type,
            iops=mapping.get("Iops") if volume_type in ("gp3", "io1", "io2") else None,
            throughput=mapping.get("Throughput"),
        )
        backend.attach_volume(volume.id, instance.id, mapping["DeviceName"], bool(mapping.get("DeleteOnTermination")))
        volume.add_tags(tags)
