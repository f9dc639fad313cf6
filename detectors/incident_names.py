"""Names of regions and commodities in an alert, also of those that are in no official list."""

from typing import Final

from detectors.incident_relation import ALL
from detectors.spread import FLAT, is_code
from streams import regions, taxonomy
from streams.evidence import Names

_EVERYTHING: Final = Names("全部商品", "all goods")
_EVERYWHERE: Final = Names("全部地区", "all regions")


def region_name(region: str) -> Names:
    """Full name of a region in both languages; what is no division code is its own name."""
    if region == FLAT:
        return _EVERYWHERE
    return regions.full_name(region) if is_code(region) or region == regions.NATION else Names(region, region)


def commodity_name(commodity: str) -> Names:
    """Name of a commodity in both languages; what is in no taxonomy is its own name."""
    if commodity == ALL:
        return _EVERYTHING
    return taxonomy.name_of(commodity) if commodity.isdigit() else Names(commodity, commodity)
