"""An enterprise's SKUs as columns: what the registry says of each (sku, unit), looked up once and then by number."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from agents.normalize.units import per_unit
from streams.columns import Quality
from streams.records import Mapping as SkuMapping
from streams.taxonomy import UNCLASSIFIED, node

NONE: Final = "none"
"""Method of a line whose SKU no mapping knows."""
Pair = tuple[str, str]
OVERFLOW: Final[Pair] = ("", "")
MAX_ROWS: Final = 500_000
"""So many pairs of one enterprise are kept apart; what comes beyond shares one unclassified row: a bound on memory."""


@dataclass(slots=True)
class Catalogue:
    """Rows are (sku, unit) pairs in the order of their first sale; the columns grow together."""

    known: Mapping[str, SkuMapping]
    number: Callable[[str], int]
    """gives a text its number in the stage's dictionary of codes"""
    version: int
    rows: dict[Pair, int] = field(default_factory=dict)
    pairs: list[Pair] = field(default_factory=list)
    code: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    method: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    confidence: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    per_unit: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    quality: npt.NDArray[np.uint16] = field(default_factory=lambda: np.zeros(0, np.uint16))

    def rows_of(self, pairs: list[Pair]) -> npt.NDArray[np.int64]:
        """Row of each pair; pairs not met before are added.

        Returns int64 of shape (len(pairs),).
        """
        found = list(map(self.rows.get, pairs))
        if None in found:
            self._meet([pair for pair, row in zip(pairs, found, strict=True) if row is None])
            overflow = self.rows.get(OVERFLOW, 0)
            found = [self.rows.get(pair, overflow) for pair in pairs]
        return np.array(found, np.int64)

    def _meet(self, new: list[Pair]) -> None:
        if len(self.rows) + len(new) <= MAX_ROWS:
            self._add(new)
        elif OVERFLOW not in self.rows:
            self._add([OVERFLOW])

    def renew(self, version: int) -> None:
        """Describe all rows again after the registry changed; the numbers of the rows stay."""
        self.version = version
        if not self.pairs:
            return
        pairs, self.pairs = self.pairs, []
        for name in ("code", "method", "confidence", "per_unit", "quality"):
            setattr(self, name, getattr(self, name)[:0])
        self._add(pairs)

    def _add(self, pairs: list[Pair]) -> None:
        found = [self._describe(*pair) for pair in pairs]
        for pair in pairs:
            self.rows[pair] = len(self.pairs)
            self.pairs.append(pair)
        codes, methods, confidences, measures, marks = zip(*found, strict=True)
        self.code = np.concatenate([self.code, np.array(codes, np.int32)])
        self.method = np.concatenate([self.method, np.array(methods, np.int32)])
        self.confidence = np.concatenate([self.confidence, np.array(confidences, np.float32)])
        self.per_unit = np.concatenate([self.per_unit, np.array(measures, np.int64)])
        self.quality = np.concatenate([self.quality, np.array(marks, np.uint16)])

    def _describe(self, sku: str, unit: str) -> tuple[int, int, float, int, int]:
        mapping = self.known.get(sku)
        marks = Quality(0)
        if mapping is None:
            code, method, confidence, content, usual_unit = UNCLASSIFIED, NONE, 0.0, 0, ""
            marks |= Quality.UNCLASSIFIED
        else:
            code, method, confidence = mapping.code, mapping.method, mapping.confidence
            content, usual_unit = mapping.content, mapping.unit
        if not unit and usual_unit:
            unit = usual_unit
            marks |= Quality.UNIT_GUESSED
        measure = per_unit(unit, node(code).base_unit, content)
        if measure is None:
            marks |= Quality.UNIT_UNKNOWN
        return self.number(code), self.number(method), confidence, measure or 0, int(marks)
