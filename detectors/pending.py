"""Rows of ticks that are not closed yet, as columns: memory follows the rows, not the ticks they are spread over."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from detectors.state import Bits, Cells, Floats, Ints

LINES, QUANTITY, RELATIVES, LOG_RELATIVE, HELD, LOG_HELD, HELD_NEW, STOCK, STOCK_SKUS, ZERO_SKUS = range(10)
MEASURES: Final = 10
_STRETCH: Final[Ints] = np.arange(4, dtype=np.int64)[:, None]


@dataclass(slots=True)
class Rows:
    """Partial sums, one row a county, commodity and tick of one envelope; n of them."""

    tick: Ints
    """(n,): start, ms UTC"""
    unit: Ints
    """(n,): index of the county in the city's units, from 1"""
    code: Ints
    """(n,): index of the commodity in the city's codes"""
    sums: Floats
    """(10, n): lines, quantity, relatives, log relative, as in Cells; lines held, their log relatives, articles newly
    held; stock on hand, reports of it, reports of zero, as in CELLS_SCHEMA: a row is held in one direction"""
    partition: Bits
    """(n,): uint64, the bit of the raw partition, 0 where the row says nothing of sales or prices"""
    chains: Bits
    """(n,): uint64, that of the enterprise (streams/chains.py), 0 there too and where it is not known"""

    @classmethod
    def empty(cls) -> Self:
        """No rows."""
        none = np.zeros(0, np.int64)
        return cls(none, none, none, np.zeros((MEASURES, 0)), np.zeros(0, np.uint64), np.zeros(0, np.uint64))

    def __len__(self) -> int:
        return len(self.tick)

    def taken(self, which: Ints | slice) -> Self:
        """The rows at these indices."""
        return type(self)(*(getattr(self, f.name)[..., which] for f in fields(self)))

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """All rows of all parts, in order."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts], axis=-1) for f in fields(cls)))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All columns by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def dense(self, units: int, codes: int) -> Cells:
        """Sums by unit and commodity, without what is held; the city's in unit 0; arrays of shape (units, codes)."""
        n = units * codes
        flat = self.unit * codes + self.code
        # One pass for all four measures: each has a stretch of n places of its own.
        places = (flat + _STRETCH * n).ravel()
        sums = np.bincount(places, weights=self.sums[:4].ravel(), minlength=4 * n).reshape(4, units, codes)
        np.add.reduce(sums[:, 1:], axis=1, out=sums[:, 0])
        bits = np.zeros(n, np.uint64)
        np.bitwise_or.at(bits, flat, self.partition)
        partitions = bits.reshape(units, codes)
        np.bitwise_or.reduce(partitions[1:], axis=0, out=partitions[0])
        return Cells(sums[LINES], sums[QUANTITY], sums[RELATIVES], sums[LOG_RELATIVE], partitions)


class Pending:
    """Rows waiting for their tick to close."""

    def __init__(self, rows: Rows | None = None) -> None:
        self._parts: list[Rows] = [rows] if rows is not None and len(rows) else []
        self._first: int | None = int(rows.tick.min()) if rows is not None and len(rows) else None

    def add(self, rows: Rows) -> None:
        """Take rows in."""
        if len(rows):
            self._parts.append(rows)
            first = int(rows.tick.min())
            self._first = first if self._first is None else min(self._first, first)

    @property
    def first(self) -> int | None:
        """The earliest tick that has rows."""
        return self._first

    def rows(self) -> Rows:
        """All rows, in the order in which they came."""
        return Rows.joined(self._parts) if self._parts else Rows.empty()

    def take(self, before: int) -> Iterator[tuple[int, Rows]]:
        """Take out all rows with a tick before ``before``; yields them tick by tick, rising."""
        if self._first is None or self._first >= before:
            return
        rows = self.rows()
        ready = rows.tick < before
        rest = Pending(rows.taken(np.flatnonzero(~ready)))
        self._parts, self._first = rest._parts, rest._first
        which = np.flatnonzero(ready)
        # Stable: sums of floats must not depend on anything but the order of arrival.
        rows = rows.taken(which[np.argsort(rows.tick[which], kind="stable")])
        ticks, starts = np.unique(rows.tick, return_index=True)
        ends = [*starts[1:].tolist(), len(rows)]
        for tick, start, end in zip(ticks.tolist(), starts.tolist(), ends, strict=True):
            yield tick, rows.taken(slice(start, end))
