"""The rows of the dimension tables, from the data files of ``streams``."""

import pyarrow as pa

from streams.regions import NATION, regions
from streams.taxonomy import current, history

_LEVELS = {2: "province", 4: "city", 6: "county"}


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
