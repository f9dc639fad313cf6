"""What enterprises' SKUs were mapped to: five million of them in 200 MB."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from agents.keyed import Keyed
from streams.records import Mapping

_FIELDS: Final = [("code", "<i4"), ("unit", "<i4"), ("method", "<i4"), ("confidence", "<f4"), ("content", "<i8")]


class Numbers:
    """Texts that repeat, by number."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def of(self, text: str) -> int:
        """The number of a text, given at its first call."""
        found = self._numbers.get(text)
        if found is None:
            found = self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return found


class Mappings:
    """The last mapping of each (enterprise, SKU).

    SKUs themselves are not kept, only 64 bits of a hash that is keyed anew in each process: the chance that any two of
    five million are taken for each other is 7e-7.
    """

    def __init__(self) -> None:
        self._rows = Keyed(_FIELDS)
        self._texts = Numbers()

    def put(self, enterprise: str, mappings: Sequence[Mapping]) -> None:
        """Take in mappings; later ones replace earlier ones."""
        rows = np.empty(len(mappings), self._rows.dtype)
        number = self._texts.of
        rows["key"] = [hash((enterprise, m.sku)) for m in mappings]
        rows["code"] = [number(m.code) for m in mappings]
        rows["unit"] = [number(m.unit) for m in mappings]
        rows["method"] = [number(m.method) for m in mappings]
        rows["confidence"] = [m.confidence for m in mappings]
        rows["content"] = [m.content for m in mappings]
        self._rows.add(rows)

    def get(self, enterprise: str, sku: str) -> Mapping | None:
        """The mapping of a SKU; its confidence comes back as float32."""
        found = self._rows.find(hash((enterprise, sku)))
        if not found:
            return None
        _, code, unit, method, confidence, content = found[-1].item()
        texts = self._texts.texts
        return Mapping(sku, texts[code], texts[unit], content, texts[method], confidence)

    def __len__(self) -> int:
        """Mappings held; replaced ones may still be counted."""
        return len(self._rows)
