"""Edge zones of us-east-1: a local and a wavelength zone the account has opted into, and one it has not."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend, Zone
from moto.ec2.responses.availability_zones_and_regions import AvailabilityZonesAndRegions

from ..emulator import Emulator
from ..patching import wrap

_REGION = "us-east-1"


def _edge(name: str, zone_id: str, kind: str, parent: str, opt_in: str = "opted-in") -> Zone:
    zone = Zone(name=name, region_name=_REGION, zone_id=zone_id, zone_type=kind)
    zone.opt_in_status, zone.parent_zone_name, zone.group_name = opt_in, parent, name[:-1]
    zone.network_border_group = name[:-1]
    return zone


EDGE_ZONES = [
    _edge("us-east-1-bos-1a", "use1-bos1-az1", "local-zone", "us-east-1a"),
    _edge("us-east-1-chi-1a", "use1-chi1-az1", "local-zone", "us-east-1b", "not-opted-in"),
    _edge("us-east-1-wl1-bos-wlz-1", "use1-wl1-bos-wlz1", "wavelength-zone", "us-east-1a"),
]


def edge_zones(region: str) -> list[Zone]:
    """The edge zones of a region that subnets may be made in."""
    return [zone for zone in EDGE_ZONES if region == _REGION and zone.opt_in_status == "opted-in"]


def install(emulator: Emulator) -> None:
    """Applies the patches."""
    # Where moto looks zones up when a subnet is made; no region of that name exists, so no default subnets come of it.
    RegionsAndZonesBackend.zones["edge"] = EDGE_ZONES

    @wrap(AvailabilityZonesAndRegions, "describe_availability_zones")
    def describe(original: Any, self: Any) -> ActionResult:
        result = original(self)
        if self.region != _REGION:
            return result
        everything = str(self._get_param("AllAvailabilityZones")).lower() == "true"
        shown = EDGE_ZONES if everything else edge_zones(self.region)
        filters = self._filters_from_querystring()
        names = self._get_param("ZoneNames", [])
        kinds = filters.get("zone-type")
        wanted = [z for z in shown if (not names or z.name in names) and (not kinds or z.zone_type in kinds)]
        return ActionResult({"AvailabilityZones": [*result.result["AvailabilityZones"], *wanted]})
