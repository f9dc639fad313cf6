"""What an incident reaches to: which regions and commodities would be a part of it. Sets, so that storms are cheap."""

from collections.abc import Iterable
from functools import cache
from itertools import product

from detectors.incident_relation import ALL, akin, area, near
from detectors.incident_state import Finding, Incident
from detectors.spread import FLAT, is_code

_Pair = tuple[str, str]


class Reach:
    """Regions and commodities of an incident's hits, with all that lie above them.

    A finding is a part of the incident where it is of the same commodity in the same or an adjoining area, or where
    both its region and its commodity are the same as, above or below those of one hit: all goods of a city reach to
    each good of its counties, and not to other goods of the next city.
    """

    def __init__(self, incident: Incident) -> None:
        self._areas: dict[str, set[str]] = {}
        self._hits: set[_Pair] = set()
        self._region_above: set[_Pair] = set()
        self._commodity_above: set[_Pair] = set()
        self._both_above: set[_Pair] = set()
        self.everywhere: set[str] = set()
        """areas with hits, or where there were some"""
        self._was = () if incident.hits else tuple(incident.goods)
        for region in () if incident.hits else incident.former:
            self.everywhere.add(area(region))
        self.add(hit.finding for hit in incident.hits.values())

    def add(self, findings: Iterable[Finding]) -> None:
        """Reach to these too."""
        for finding in findings:
            region, commodity = finding.region, finding.commodity
            if (region, commodity) in self._hits:
                continue
            self.everywhere.add(area(region))
            self._areas.setdefault(commodity, set()).add(area(region))
            self._hits.add((region, commodity))
            self._region_above.update((above, commodity) for above in _regions(region))
            self._commodity_above.update((region, above) for above in _commodities(commodity))
            self._both_above.update(product(_regions(region), _commodities(commodity)))

    def near(self, finding: Finding) -> bool:
        """Whether the finding lies in an area of the incident or beside one."""
        return _near(area(finding.region), self.everywhere)

    def takes(self, finding: Finding) -> bool:
        """Whether the finding is a part of the incident."""
        region, commodity = finding.region, finding.commodity
        if not self._hits:
            return self.near(finding) and any(akin(commodity, good) for good in self._was)
        if _near(area(region), self._areas.get(commodity, ())) or (region, commodity) in self._both_above:
            return True
        regions, commodities = _regions(region), _commodities(commodity)
        return (
            any((above, commodity) in self._commodity_above for above in regions)
            or any((region, above) in self._region_above for above in commodities)
            or any(pair in self._hits for pair in product(regions, commodities))
        )


def _near(one: str, others: Iterable[str]) -> bool:
    return one in others or any(near(one, other) for other in others)


@cache
def _regions(region: str) -> tuple[str, ...]:
    """A region and all above it."""
    above = [region[:n] for n in (2, 4) if is_code(region) and n < len(region)]
    return tuple(dict.fromkeys((region, *above, FLAT)))


@cache
def _commodities(commodity: str) -> tuple[str, ...]:
    """A commodity and all above it."""
    above = [commodity[:n] for n in range(2, len(commodity), 2)] if commodity.isdigit() else []
    return tuple(dict.fromkeys((commodity, *above, ALL)))
