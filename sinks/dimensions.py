"""The rows of the dimension tables, from the data files of ``streams`` and of this folder."""

import csv
from collections.abc import Callable
from datetime import date, timedelta
from importlib.resources import files
from itertools import pairwise
from typing import Final

import pyarrow as pa

from streams.regions import NATION, regions
from streams.taxonomy import current, history

_LEVELS: Final = {2: "province", 4: "city", 6: "county"}


def taxonomy_rows() -> pa.Table:
    """One row a node of the commodity taxonomy that holds, or did once, with the versions in which it does."""
    nodes = list(history().nodes.values())
    validity = [history().validity[node.code] for node in nodes]
    columns = ("code", "parent", "name_zh", "name_en", "base_unit", "monitored", "emergency")
    return pa.table(
        {
            **{column: [getattr(node, column) for node in nodes] for column in columns},
            "valid_from": pa.array([one.since for one in validity], pa.uint32()),
            "valid_to": pa.array([one.until for one in validity], pa.uint32()),
            "successor": [current(node.code) for node in nodes],
        }
    )


def region_rows() -> pa.Table:
    """One row a province, city or county, with the code of the region above it."""
    places = list(regions().values())
    return pa.table(
        {
            "code": [place.code for place in places],
            "parent": [place.code[:-2] or NATION for place in places],
            "level": [_LEVELS[len(place.code)] for place in places],
            "name_zh": [place.name_zh for place in places],
            "name_en": [place.name_en for place in places],
            "role": [place.role for place in places],
        }
    )


def lunar_rows() -> pa.Table:
    """One row a day from 2015 to 2045 with its date in China's lunar calendar.

    The first days of the months are those of GB/T 33661-2017: the day, in UTC+8, of the astronomical new moon.
    """
    with (files("sinks") / "data" / "lunar_months.csv").open(encoding="utf-8") as lines:
        months = list(csv.DictReader(lines))
    starts = [date.fromisoformat(month["first_day"]) for month in months]
    days = [
        (start + timedelta(n), int(month["lunar_year"]), int(month["lunar_month"]), n + 1, month["leap"] == "1")
        for month, (start, end) in zip(months, pairwise(starts), strict=False)
        for n in range((end - start).days)
    ]
    columns = zip(*(day for day in days if 2015 <= day[0].year <= 2045), strict=True)
    kinds = (pa.date32(), pa.uint16(), pa.uint8(), pa.uint8(), pa.bool_())
    names = ("day", "lunar_year", "lunar_month", "lunar_day", "leap")
    return pa.table({n: pa.array(c, k) for n, c, k in zip(names, columns, kinds, strict=True)})


DIMENSIONS: Final[dict[str, Callable[[], pa.Table]]] = {
    "taxonomy": taxonomy_rows,
    "regions": region_rows,
    "lunar_dates": lunar_rows,
}
"""The tables that are filled anew at each start."""
