"""Which rollups follow a table, read from the statements that make them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_VIEW: Final = re.compile(r"CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+) TO (\w+) AS (SELECT .*? FROM (\w+)\b.*)")
_DROPPED: Final = re.compile(r"DROP (?:VIEW|TABLE) IF EXISTS (\w+)")


@dataclass(frozen=True, slots=True)
class View:
    """A materialized view: what it selects from ``source`` is added to ``target``."""

    source: str
    target: str
    select: str

    def of(self, table: str) -> str:
        """What it would select if the rows stood in ``table``."""
        return re.sub(rf"\bFROM {self.source}\b", f"FROM {table}", self.select)


class Views:
    """The materialized views that stand after ``statements``, in their order."""

    def __init__(self, statements: Iterable[str]) -> None:
        self._views: dict[str, View] = {}
        for statement in statements:
            text = " ".join(statement.split())
            if found := _VIEW.fullmatch(text):
                self._views[found[1]] = View(found[4], found[2], found[3])
            elif found := _DROPPED.fullmatch(text):
                self._views.pop(found[1], None)

    def after(self, table: str) -> Iterator[View]:
        """The views that follow ``table``, each before those that follow its target."""
        for view in self._views.values():
            if view.source == table:
                yield view
                yield from self.after(view.target)
