"""The unified commodity taxonomy: two digits a level; a base unit, whether a good is monitored, and its versions."""

from functools import cache
from importlib.resources import files
from typing import Final

from streams.commodity import BaseUnit as BaseUnit
from streams.commodity import Commodity as Commodity
from streams.commodity import read_changes, read_nodes
from streams.records import Names
from streams.taxonomy_history import History

UNCLASSIFIED: Final = "99"
OTHER: Final = "98"


@cache
def history() -> History:
    """All nodes that ever were and their changes, from ``data/taxonomy.csv`` and ``data/taxonomy_changes.csv``."""
    data = files("streams") / "data"
    nodes, changes = ((data / name).read_text(encoding="utf-8") for name in ("taxonomy.csv", "taxonomy_changes.csv"))
    return History(read_nodes(nodes.splitlines()), read_changes(changes.splitlines()))


@cache
def taxonomy() -> dict[str, Commodity]:
    """All nodes that hold today, by code."""
    return as_of(version())


def version() -> int:
    """The version of the taxonomy that holds today."""
    return history().version


def as_of(version: int) -> dict[str, Commodity]:
    """The nodes of a version, by code, with their names of then. Raises ValueError where there is no such version."""
    return history().as_of(version)


def current(code: str) -> str:
    """The code that holds today for what ``code`` stood for, through all merges and moves.

    A code that was retired without a successor is the nearest one above it; one that was never given stays as it is.

    >>> current("0101")
    '0101'
    """
    return history().current(code) or UNCLASSIFIED


def node(code: str) -> Commodity:
    """The node of a code, whether it holds today or did once, or the nearest one above; UNCLASSIFIED for none."""
    known = history().nodes
    while code and code not in known:
        code = code[:-2]
    return known[code or UNCLASSIFIED]


def name_of(code: str) -> Names:
    """Name of a commodity in both languages; a code below the taxonomy shows its number."""
    found = node(code)
    if found.code == code:
        return Names(found.name_zh, found.name_en)
    return Names(f"{found.name_zh} {code}", f"{found.name_en} {code}")
