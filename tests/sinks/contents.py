"""What stands in the tables of a store, to compare one store with another."""

from collections.abc import Callable
from typing import Any, Final

from sinks.dialect import Dialect, Kind
from sinks.schema import MIGRATIONS
from sinks.views import Views

Ask = Callable[[str], list[tuple[Any, ...]]]

LINES: Final = ("sales", "prices", "stock", "envelopes")


def rollups(kind: Kind) -> list[str]:
    """The tables that are filled by views on an engine."""
    said = [one for m in MIGRATIONS for s in m.statements for one in Dialect(kind).render(s)]
    views = Views(said)
    return sorted({view.target for table in LINES for view in views.after(table)})


def contents(ask: Ask, database: str, kind: Kind) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of every table of lines and every rollup, sorted, equal keys of rollups summed up by the engine."""
    found = {}
    for table in (*LINES, *rollups(kind)):
        final = "" if table in ("sales", "prices", "stock") else "FINAL"
        found[table] = sorted(ask(f"SELECT * FROM {database}.{table} {final}"))
    return found
