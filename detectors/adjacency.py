"""Which regions are neighbours: circles of the nearest ones, from centres where they are given, else from the codes."""

import csv
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.state import Floats
from detectors.tree import is_code

Groups = npt.NDArray[np.int64]
"""int64 (groups, members): numbers of regions, the nearest first, -1 where a group has no more"""
Centres = Mapping[str, tuple[float, float]]
"""longitude and latitude in degrees of a region, by its code"""

EARTH_KM: Final = 6_371.0
_COLUMNS: Final = ("code", "longitude", "latitude")


class CentresError(ValueError):
    """A file of centres that cannot be used; the text names the line."""


def read_centres(path: Path) -> dict[str, tuple[float, float]]:
    """Centres from a CSV file with the columns ``code, longitude, latitude`` (degrees, WGS 84 or GCJ-02 alike).

    Codes are division codes of 2, 4 or 6 digits, or whatever names the regions of the input. Raises CentresError.
    """
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        if missing := [c for c in _COLUMNS if c not in (rows.fieldnames or ())]:
            raise CentresError(f"{path}: expected the columns {', '.join(_COLUMNS)}; {', '.join(missing)} not found")
        return {row["code"].strip(): _centre(row, f"{path}, line {rows.line_num}") for row in rows}


@cache
def centres() -> Centres:
    """Those of the division codes that are known, from ``streams/data/centres.csv``."""
    with as_file(files("streams") / "data" / "centres.csv") as path:
        return read_centres(path)


def circles(regions: Sequence[str], size: int, centres: Centres | None = None) -> Groups:
    """For each region itself and its nearest neighbours, at most ``size`` in all; one row a region, itself first.

    With centres the distance is that of the great circle, and a county that has none takes its city's. Without,
    nearness is what the division codes tell: the same city first, then the same province, never beyond, and among these
    the nearest number (codes are given out from the seat outward). Equal distances fall to the smaller code. Strings
    that are no division codes have no neighbours without centres.
    """
    n = len(regions)
    out = np.full((n, min(size, n)), -1, np.int64)
    known = [_nearest_centre(region, centres or {}) for region in regions]
    placed = np.array([i for i, centre in enumerate(known) if centre is not None], np.int64)
    where = np.radians(np.array([known[i] for i in placed], np.float64).reshape(-1, 2))
    order = np.argsort(np.argsort(np.array(regions, dtype=object), kind="stable"), kind="stable")
    kin = _same_province(regions)
    for i, centre in enumerate(known):
        if centre is None:
            near = _by_code(i, regions, kin)
        else:
            km = _distance(np.radians(np.array(centre)), where)
            near = placed[np.lexsort((order[placed], placed != i, np.round(km, 3)))].tolist()
        near = near[: out.shape[1]]
        out[i, : len(near)] = near
    return out


def _nearest_centre(region: str, centres: Centres) -> tuple[float, float] | None:
    if region in centres:
        return centres[region]
    return centres.get(region[:4]) if is_code(region) and len(region) > 4 else None


def _same_province(regions: Sequence[str]) -> dict[tuple[str, int], list[int]]:
    kin: dict[tuple[str, int], list[int]] = {}
    for i, region in enumerate(regions):
        if is_code(region):
            kin.setdefault((region[:2], len(region)), []).append(i)
    return kin


def _by_code(i: int, regions: Sequence[str], kin: Mapping[tuple[str, int], list[int]]) -> list[int]:
    mine = regions[i]
    if not is_code(mine):
        return [i]
    near = kin[mine[:2], len(mine)]
    return sorted(
        near, key=lambda j: (j != i, regions[j][:4] != mine[:4], abs(int(regions[j]) - int(mine)), regions[j])
    )


def _distance(a: Floats, b: Floats) -> Floats:
    """Kilometres on the great circle (haversine) from one point to several, radians (longitude, latitude)."""
    half = (b - a) / 2.0
    inner = np.sin(half[:, 1]) ** 2 + math.cos(a[1]) * np.cos(b[:, 1]) * np.sin(half[:, 0]) ** 2
    out: Floats = 2.0 * EARTH_KM * np.arcsin(np.sqrt(np.clip(inner, 0.0, 1.0)))
    return out


def _centre(row: Mapping[str, str], place: str) -> tuple[float, float]:
    try:
        longitude, latitude = float(row["longitude"]), float(row["latitude"])
    except (TypeError, ValueError):
        longitude = latitude = math.nan
    if not (abs(longitude) <= 180.0 and abs(latitude) <= 90.0):
        raise CentresError(
            f"{place}: expected degrees, longitude within 180 and latitude within 90; "
            f"got {row['longitude']!r}, {row['latitude']!r}"
        )
    return longitude, latitude
