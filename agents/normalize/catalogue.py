"""What the registry says of each (enterprise, sku, unit), as columns: looked up once and then by number."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from agents.normalize.units import per_unit
from agents.registry import Registry
from streams.columns import Quality
from streams.taxonomy import UNCLASSIFIED, node

NONE: Final = "none"
"""Method of a line whose SKU no mapping knows."""
Article = tuple[str, str, str]
"""enterprise, sku, unit"""
MAX_ROWS: Final = 8_000_000
"""So many articles are told apart; what comes beyond is unclassified: a bound on memory."""
OVERFLOW: Final[Article] = ("", "", "")


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


class Catalogue:
    """Rows are articles in the order of their first sale; the columns grow together, by doubling.

    Row 0 stands for all that is beyond MAX_ROWS. ``code`` and ``method`` are numbers in ``texts``; ``per_unit`` is g,
    ml or thousandths of a piece in one unit (0: not known); ``quality`` the marks that every line of it carries.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._versions: dict[str, int] = {}
        self._rows: dict[Article, int] = {}
        self.texts = Texts()
        self.articles: list[Article] = []
        self.code = np.zeros(1024, np.int32)
        self.method = np.zeros(1024, np.int32)
        self.confidence = np.zeros(1024, np.float32)
        self.per_unit = np.zeros(1024, np.int64)
        self.quality = np.zeros(1024, np.uint16)
        self._add(OVERFLOW)

    def rows_of(self, articles: list[Article]) -> npt.NDArray[np.int64]:
        """Row of each article; those not met before are added. Returns int64 of shape (len(articles),)."""
        found = list(map(self._rows.get, articles))
        if None in found:
            found = [self._add(a) if row is None else row for a, row in zip(articles, found, strict=True)]
        return np.array(found, np.int64)

    def renew(self, enterprises: set[str]) -> None:
        """Describe the rows of these enterprises again where the registry has changed; the numbers of rows stay."""
        changed = {e for e in enterprises if self._registry.version(e) != self._versions.get(e)}
        if not changed:
            return
        self._versions.update((e, self._registry.version(e)) for e in changed)
        for row, article in enumerate(self.articles):
            if article[0] in changed:
                self._describe(row, article)

    def _add(self, article: Article) -> int:
        known = self._rows.get(article)
        if known is not None:
            return known
        row = len(self.articles)
        if row >= MAX_ROWS:
            return 0
        if row == len(self.code):
            for name in ("code", "method", "confidence", "per_unit", "quality"):
                column = getattr(self, name)
                setattr(self, name, np.concatenate([column, np.zeros_like(column)]))
        self.articles.append(article)
        self._rows[article] = row
        self._describe(row, article)
        return row

    def _describe(self, row: int, article: Article) -> None:
        enterprise, sku, unit = article
        mapping = self._registry.mappings(enterprise).get(sku)
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
        self.code[row] = self.texts.number(code)
        self.method[row] = self.texts.number(method)
        self.confidence[row] = confidence
        self.per_unit[row] = measure or 0
        self.quality[row] = int(marks)
