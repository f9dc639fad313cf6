"""A node of the commodity taxonomy and a change of the taxonomy, as they stand in their files."""

import csv
from collections.abc import Iterable
from datetime import date
from typing import Final, Literal, cast, get_args

import msgspec

BaseUnit = Literal["kg", "L", "pc"]
Kind = Literal["new", "merge", "move", "rename", "retire"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)


class Commodity(msgspec.Struct, frozen=True):
    """One node of the taxonomy."""

    code: str
    parent: str
    name_zh: str
    name_en: str
    base_unit: BaseUnit
    monitored: bool
    emergency: bool


class Change(msgspec.Struct, frozen=True):
    """One change of the taxonomy.

    ``new``: ``code`` is given. ``merge``: it ends, what it was is ``into``. ``move``: it ends, and is given anew as
    ``into`` elsewhere in the tree. ``rename``: ``note`` is its name before, as ``name_zh / name_en``. ``retire``: it
    ends; what it was is ``into``, or its parent where that is empty.
    """

    version: int
    date: date
    change: Kind
    code: str
    into: str
    note: str
    author: str


class TaxonomyError(ValueError):
    """A file of the taxonomy cannot be read; says the line, what was expected and what came."""


def read_nodes(lines: Iterable[str]) -> dict[str, Commodity]:
    """Nodes by code, in their order, from ``taxonomy.csv``. Raises TaxonomyError."""
    nodes: dict[str, Commodity] = {}
    for number, row in enumerate(csv.DictReader(lines), 2):
        if row["code"] in nodes:
            raise TaxonomyError(f"taxonomy.csv line {number}: code {row['code']} stands twice")
        nodes[row["code"]] = Commodity(
            code=row["code"],
            parent=row["parent"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            base_unit=cast(BaseUnit, row["base_unit"]),
            monitored=row["monitored"] == "1",
            emergency=row["emergency"] == "1",
        )
    return nodes


def read_changes(lines: Iterable[str]) -> list[Change]:
    """Changes in their order, from ``taxonomy_changes.csv``. Raises TaxonomyError."""
    changes = []
    for number, row in enumerate(csv.DictReader(lines), 2):
        try:
            changes.append(msgspec.convert(row, Change, strict=False))
        except msgspec.ValidationError as error:
            raise TaxonomyError(f"taxonomy_changes.csv line {number}: {error}") from error
    return changes
