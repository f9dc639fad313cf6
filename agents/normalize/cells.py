"""Partial sums of many envelopes by envelope, commodity and tick; and their messages, by city."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from agents.normalize.bulk import Clean
from agents.normalize.groups import Floats, Ints, Mask, distinct
from agents.normalize.taken import Taken
from streams.chains import mask_of
from streams.columns import CELLS_SCHEMA, TOLD
from streams.envelope import RETURN, SALE, STOCK
from streams.ticks import number_of, start_of
from streams.validate import int64

Place = tuple[int, str]
"""raw partition and city"""


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of one bulk, by rising envelope."""

    envelope: Ints
    """which envelope of the bulk a row is of, int64 (rows,)"""
    code: Ints
    """number in the catalogue's texts, int64 (rows,)"""
    sums: dict[str, npt.NDArray[np.generic]]
    """the other columns of ``CELLS_SCHEMA`` that follow from the lines, each of shape (rows,)"""


def cells_of(clean: Clean, tick_ms: int, codes: int) -> Cells:
    """Sum the lines; ``codes`` is the length of the dictionary of ``clean.code``."""
    tick = number_of(int64(clean.lines.column("ts")), tick_ms)
    first = int(tick.min()) if len(tick) else 0
    ticks = int(tick.max()) - first + 1 if len(tick) else 1
    key = (clean.envelope * codes + clean.code) * ticks + (tick - first)
    # What is held upwards or downwards is in rows of its own: the two are not the same news.
    ways = 1 if clean.held is None else 3
    if clean.held is not None:
        key = key * ways + np.sign(clean.held.kind) % ways
    cell, inverse = distinct(key, len(clean.counts) * codes * ticks * ways)
    which = cell // ways
    rows = len(cell)
    sold, returned, in_stock = clean.kind == SALE, clean.kind == RETURN, clean.kind == STOCK
    trade = sold | returned

    def count(values: npt.NDArray[np.generic], of: Mask | None = None) -> Ints:
        # In integers: float64 would round sums beyond 2**53.
        sums = np.zeros(rows, np.int64)
        if of is None or of.all():
            np.add.at(sums, inverse, values)
        elif of.any():
            np.add.at(sums, inverse[of], values[of])
        return sums

    def total(values: Floats) -> Floats:
        return np.bincount(inverse, weights=values, minlength=rows).astype(np.float64)

    def of_held() -> dict[str, npt.NDArray[np.generic]]:
        if clean.held is None:
            return {"held": np.zeros(rows, np.int64), "log_held": np.zeros(rows), "held_new": np.zeros(rows, np.int64)}
        held = clean.held.kind != 0
        log_held = total(np.where(held, clean.relative, 0.0))
        return {"held": count(ones, held), "log_held": log_held, "held_new": count(ones, clean.held.new)}

    relative = np.where(clean.has_relative, clean.relative, 0.0)
    ones = np.ones(len(key), np.int64)
    sums: dict[str, npt.NDArray[np.generic]] = {
        "tick": start_of(which % ticks + first, tick_ms),
        "lines": count(ones, sold) - count(ones, returned),
        "terminals": np.diff(which, prepend=-1).astype(np.bool_).astype(np.int64),
        "base_qty": count(clean.base_qty, trade),
        "amount": count(clean.amount, trade),
        "relatives": count(ones, clean.has_relative),
        "log_relative": total(relative),
        "log_relative_sq": total(relative * relative),
        **of_held(),
        "stock": count(clean.base_qty, in_stock),
        "stock_skus": count(ones, in_stock),
        "zero_skus": count(ones, in_stock & (clean.qty == 0)),
    }
    envelope, code = np.divmod(which // ticks, codes)
    return Cells(envelope, code, sums)


@dataclass(frozen=True, slots=True)
class Told:
    """A terminal has sent all its sales of some bars."""

    place: Place
    offset: int
    """of the envelope that says so"""
    county: str
    starts: list[int]
    """of the bars, ms UTC"""


class Gathered:
    """Cells since the last message, of all places; places without cells are kept too: their watermark moves."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._places: dict[Place, int] = {}
        self._counties: dict[str, int] = {}
        self._parts: list[dict[str, npt.NDArray[np.generic]]] = []
        self._told: list[Told] = []

    def touch(self, place: Place) -> int:
        """Number of a place from which something has come."""
        return self._places.setdefault(place, len(self._places))

    def add(self, envelopes: list[Taken], cells: Cells) -> None:
        """Keep the cells of a bulk."""
        counties = self._counties
        partition = np.array([e.partition for e in envelopes], np.int32)
        offset = np.array([e.offset for e in envelopes], np.int64)
        place = np.array([self.touch((e.partition, e.terminal.county[:4])) for e in envelopes], np.int32)
        county = np.array([counties.setdefault(e.terminal.county, len(counties)) for e in envelopes], np.int32)
        chains = np.array([mask_of(e.terminal.enterprise) for e in envelopes], np.uint64)
        of = cells.envelope
        self._parts.append(
            {
                "place": place[of],
                "raw_partition": partition[of],
                "raw_offset": offset[of],
                "county": county[of],
                "code": cells.code.astype(np.int32),
                **cells.sums,
                "chains": chains[of],
            }
        )

    def tell(self, told: Told) -> None:
        """Keep what a terminal has said."""
        self._told.append(told)

    def take(self, texts: list[str]) -> list[tuple[Place, pa.RecordBatch]]:
        """The columns of ``CELLS_SCHEMA`` of each place, in the order in which they came, and forget them.

        Parameters
        ----------
        texts
            Dictionary of the codes.
        """
        parts, told = self._parts, self._told
        if told:
            parts = [*parts, self._rows_of(told, len(texts))]
            texts = [*texts, TOLD]
        places, counties = list(self._places), list(self._counties)
        self._forget()
        if not parts:
            return [(place, pa.RecordBatch.from_pylist([], CELLS_SCHEMA)) for place in places]
        columns = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
        place = columns.pop("place").astype(np.int64)
        order = np.lexsort((columns["raw_offset"], place)) if told else np.argsort(place, kind="stable")
        edges = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=len(places)))]).tolist()
        dictionaries = {"county": pa.array(counties, pa.string()), "code": pa.array(texts, pa.string())}
        arrays = []
        for field in CELLS_SCHEMA:
            values = pa.array(columns[field.name][order])
            if field.name in dictionaries:
                values = pa.DictionaryArray.from_arrays(values, dictionaries[field.name])
            arrays.append(values)
        rows = pa.RecordBatch.from_arrays(arrays, schema=CELLS_SCHEMA)
        return [(p, rows.slice(a, b - a)) for p, a, b in zip(places, edges, edges[1:], strict=False)]

    def _rows_of(self, told: list[Told], code: int) -> dict[str, npt.NDArray[np.generic]]:
        """One row a terminal and bar; ``code`` is the number of TOLD."""
        counts = np.array([len(t.starts) for t in told])
        n = int(counts.sum())

        def each(values: list[int], dtype: type[np.signedinteger[Any]]) -> npt.NDArray[np.generic]:
            return np.repeat(np.array(values, dtype), counts)

        zeros = {
            field.name: field.type.to_pandas_dtype() for field in CELLS_SCHEMA if field.name not in ("county", "code")
        }
        return {
            "place": each([self.touch(t.place) for t in told], np.int32),
            **{name: np.zeros(n, dtype) for name, dtype in zeros.items()},
            "raw_partition": each([t.place[0] for t in told], np.int32),
            "raw_offset": each([t.offset for t in told], np.int64),
            "county": each([self._counties.setdefault(t.county, len(self._counties)) for t in told], np.int32),
            "code": np.full(n, code, np.int32),
            "tick": np.array([start for t in told for start in t.starts], np.int64),
            "terminals": np.ones(n, np.int64),
        }
