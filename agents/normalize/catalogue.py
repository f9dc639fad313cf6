"""What each article is, as columns: described once, by its first line, and then found by number.

An article is (enterprise, unit, SKU). What the registry changes is described again when its next line comes: without
a line it does not matter, and no change waits for a walk through millions of rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agents.identify.chain import Description, Sight
from agents.normalize.groups import Ints, Mask
from agents.registry import Registry
from streams.columns import Quality
from streams.records import SkuRecord
from streams.taxonomy import UNCLASSIFIED

Describe = Callable[[Sequence[Sight]], list[Description]]
MAX_ROWS: Final = 8_000_000
"""So many articles are told apart; what comes beyond is unclassified: a bound on memory."""
MAX_SEEN: Final = 1_000_000
"""The texts of so many articles are kept that no mapping or decision names: some lines leave them out."""
LEARNED_ROWS: Final = 20
"""So many articles of a bulk are described again because something was learned that may concern them."""
_SETTLED: Final = ("review", "registry")
"""Methods that nothing learned overrules."""
_NEVER: Final = np.iinfo(np.int64).max
_UNKNOWN: Final = -1
"""In place of the revision by which a row was described."""
_GROWING: Final = (
    *("code", "method", "brand", "confidence", "per_unit", "log_unit", "quality"),
    *("pending", "split", "_at"),
)


@dataclass(slots=True)
class Texts:
    """A dictionary of texts that only grows: numbers for the columns, texts for the wire."""

    numbers: dict[str, int] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    def number(self, text: str) -> int:
        """Number of a text, given at its first call."""
        found = self.numbers.get(text)
        if found is None:
            found = self.numbers[text] = len(self.texts)
            self.texts.append(text)
        return found


@dataclass(slots=True, eq=False)
class Shelf:
    """The articles that one enterprise sells in one unit: row by SKU."""

    enterprise: str
    unit: str
    rows: dict[str, int] = field(default_factory=dict)


class News(NamedTuple):
    """An article described, and the envelope by which it was."""

    partition: int
    offset: int
    arrived: int
    sku: SkuRecord


class Catalogue:
    """Rows are articles in the order of their first line; the columns grow together, by doubling.

    Row 0 stands for all that is beyond MAX_ROWS. ``code`` and ``method`` are numbers in ``texts``, ``brand`` in
    ``brands``; ``per_unit`` is g, ml or thousandths of a piece in one unit (0: not known), ``log_unit`` its log (0
    where it is not known); ``quality`` the marks that every line of it carries; ``pending`` whether it is to be
    described; ``split`` whether its SKU was split by name, so that its lines are of other articles. ``news`` are the
    articles described since somebody took them from there.
    """

    def __init__(self, registry: Registry, describe: Describe) -> None:
        self._registry = registry
        self._described = describe
        self._revision = 0
        self._learned = 0
        # Of millions of articles the enterprises and units are few: their names stand once.
        self._shelves: dict[str, dict[str, Shelf]] = {}
        self._shelf_of: list[Shelf] = []
        self._seen: dict[int, tuple[str, ...]] = {}
        self.skus: list[str] = []
        self.news: list[News] = []
        self.texts = Texts()
        self.brands = Texts()
        self.brands.number("")
        self.code = np.zeros(1024, np.int32)
        self.method = np.zeros(1024, np.int32)
        self.brand = np.zeros(1024, np.int32)
        self.confidence = np.zeros(1024, np.float32)
        self.per_unit = np.zeros(1024, np.int64)
        self.log_unit = np.zeros(1024)
        self.quality = np.zeros(1024, np.uint16)
        self.pending = np.zeros(1024, np.bool_)
        self.split = np.zeros(1024, np.bool_)
        self._at = np.zeros(1024, np.int64)
        self._add(self.shelf("", ""), "")
        self.pending[0] = False
        self._at[0] = _NEVER
        self.code[0], self.method[0] = self.texts.number(UNCLASSIFIED), self.texts.number("none")
        self.quality[0] = Quality.UNCLASSIFIED | Quality.UNIT_UNKNOWN

    def __len__(self) -> int:
        return len(self.skus)

    def shelf(self, enterprise: str, unit: str) -> Shelf:
        """The articles that an enterprise sells in a unit."""
        found = self._shelves.get(enterprise, {}).get(unit)
        if found is None:
            if len(self) >= MAX_ROWS:
                return self._shelf_of[0]
            found = self._shelves.setdefault(enterprise, {})[unit] = Shelf(enterprise, unit)
        return found

    def shelf_of(self, row: int) -> Shelf:
        """Where an article stands."""
        return self._shelf_of[row]

    def rows_of(self, shelf: Shelf, skus: list[str]) -> list[int]:
        """Row of each SKU of a shelf; those not met before are added, to be described."""
        found = list(map(shelf.rows.get, skus))
        return [self._add(shelf, sku) if row is None else row for row, sku in zip(found, skus, strict=True)]

    def renew(self) -> None:
        """Mark as pending what the registry has changed since the last call."""
        if self._registry.revision == self._revision:
            return
        changes = self._registry.changed_since(self._revision)
        self._revision = changes.version
        if changes.learned:
            self._learned = changes.version
        if changes.everything:
            self.pending[: len(self)] = True
        for enterprise in changes.enterprises:
            for shelf in self._shelves.get(enterprise, {}).values():
                self.pending[list(shelf.rows.values())] = True
        for enterprise, sku in changes.skus:
            for shelf in self._shelves.get(enterprise, {}).values():
                row = shelf.rows.get(sku)
                if row is not None:
                    self.pending[row] = True
        self.pending[0] = False

    def part(self, rows: Ints) -> None:
        """Look anew which of these rows, where they are pending, stand for SKUs that were split by name."""
        for row in rows[self.pending[rows]].tolist():
            if self._registry.is_split(self._shelf_of[row].enterprise, self.skus[row]):
                self.split[row], self.pending[row] = True, False
            else:
                self.split[row] = False

    def wanting(self, rows: Ints) -> Mask:
        """Which of these rows are to be described now: all that are pending, and a few that a lesson may concern."""
        wanted: Mask = self.pending[rows]
        if self._learned:
            older = np.flatnonzero((self._at[rows] < self._learned) & ~wanted & ~self.split[rows])
            wanted[older[:LEARNED_ROWS]] = True
        return wanted

    def describe(self, rows: list[int], sights: list[Sight]) -> list[tuple[int, Sight, Description]]:
        """Describe different rows by a line of each. Returns those of which anything is new, with what was seen.

        A text that the line does not carry is taken from the line before, where the article's description needed it.
        """
        seen = [self._completed(row, sight) for row, sight in zip(rows, sights, strict=True)]
        return [
            (row, sight, description)
            for row, sight, description in zip(rows, seen, self._described(seen), strict=True)
            if self._put(row, sight, description)
        ]

    def _completed(self, row: int, sight: Sight) -> Sight:
        known = self._seen.get(row)
        if known is None:
            return sight
        texts = (said or before for said, before in zip(_texts(sight), known, strict=True))
        return Sight(sight.enterprise, sight.sku, sight.unit, *texts)

    def _put(self, row: int, sight: Sight, description: Description) -> bool:
        settled = description.method in _SETTLED
        if settled:
            self._seen.pop(row, None)
        elif row in self._seen or len(self._seen) < MAX_SEEN:
            self._seen[row] = _texts(sight)
        values = {
            "code": self.texts.number(description.code),
            "method": self.texts.number(description.method),
            "brand": self.brands.number(description.brand),
            "confidence": np.float32(0.0 if description.code == UNCLASSIFIED else description.confidence),
            "per_unit": description.per_unit,
            "quality": int(description.marks),
        }
        changed = self._at[row] == _UNKNOWN or any(getattr(self, name)[row] != value for name, value in values.items())
        for name, value in values.items():
            getattr(self, name)[row] = value
        self.log_unit[row] = np.log(max(description.per_unit, 1))
        self.pending[row] = False
        self._at[row] = _NEVER if settled else self._revision
        return changed

    def _add(self, shelf: Shelf, sku: str) -> int:
        known = shelf.rows.get(sku)
        if known is not None:
            return known
        row = len(self.skus)
        if row >= MAX_ROWS:
            return 0
        if row == len(self.code):
            for name in _GROWING:
                column: npt.NDArray[np.generic] = getattr(self, name)
                setattr(self, name, np.concatenate([column, np.zeros_like(column)]))
        self.skus.append(sku)
        self._shelf_of.append(shelf)
        shelf.rows[sku] = row
        self.pending[row] = True
        self._at[row] = _UNKNOWN
        return row


def _texts(sight: Sight) -> tuple[str, ...]:
    return sight.name, sight.spec, sight.barcode, sight.category, sight.tax_code, sight.brand
