"""Which enterprises count as one when a table is published: those of one holding.

The register says it, with periods; a file of the publisher overrides it. Who has bought an enterprise has its books of
former years too, and who has sold it knows them still: holdings that had one enterprise between them since the first
day of the table count as one. Pure.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import pyarrow as pa

REGISTERED: Final = (
    "SELECT toString(enterprise) AS enterprise, toString(holding) AS holding, valid_from, valid_to FROM enterprises "
    "ORDER BY enterprise, valid_from"
)
"""The question to the store, in the publisher's role."""


def holders(registered: pa.Table, since: datetime, said: Mapping[str, str]) -> dict[str, str]:
    """One name for all enterprises and holdings that count as one; what stands for itself is not in it.

    ``registered``: the answer to REGISTERED; what ended before ``since`` counts only where nothing came after it.
    ``said``: holdings by enterprise, in the place of what the register says of these.

    >>> from datetime import UTC
    >>> day = datetime(2026, 3, 1, tzinfo=UTC)
    >>> row = {"enterprise": "a", "holding": "H", "valid_from": day, "valid_to": day.replace(year=2106)}
    >>> holders(pa.Table.from_pylist([row, row | {"enterprise": "b"}]), day, {"c": "a"})
    {'a': 'H', 'b': 'H', 'c': 'H'}
    """
    owned: dict[str, set[str]] = {}
    rows = sorted(registered.to_pylist(), key=lambda row: (row["enterprise"], row["valid_from"]))
    for number, row in enumerate(rows):
        is_last = number + 1 == len(rows) or rows[number + 1]["enterprise"] != row["enterprise"]
        if row["holding"] and (is_last or row["valid_to"] > since):
            owned.setdefault(row["enterprise"], set()).add(row["holding"])
    owned |= {enterprise: {holding} for enterprise, holding in said.items()}
    above: dict[str, str] = {}
    for enterprise, holdings in owned.items():
        for holding in sorted(holdings):
            first, second = sorted((_top(above, enterprise), _top(above, holding)))
            if first != second:
                above[second] = first
    names = {name for enterprise, holdings in owned.items() for name in (enterprise, *holdings)}
    return {name: top for name in sorted(names) if (top := _top(above, name)) != name}


def _top(above: Mapping[str, str], name: str) -> str:
    while name in above:
        name = above[name]
    return name
