"""Partial sums of many envelopes by envelope, commodity and tick."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from agents.normalize.bulk import Clean, Floats, Ints
from streams.columns import CELLS_SCHEMA
from streams.envelope import RETURN, SALE, STOCK
from streams.ticks import number_of, start_of
from streams.validate import int64

_CODE_BITS = 14
_TICK_BITS = 33


def cells_of(clean: Clean, tick_ms: int, offsets: Ints, counties: list[str], texts: list[str]) -> tuple[Ints, pa.Table]:
    """Envelope of each row, and the rows as columns of ``CELLS_SCHEMA`` but ``raw_partition``; by rising envelope.

    Parameters
    ----------
    offsets
        int64 (envelopes,): raw offset of each envelope.
    counties
        County of each envelope.
    texts
        Dictionary of ``clean.code``.
    """
    ts = int64(clean.lines.column("ts"))
    key = (((clean.envelope << _CODE_BITS) | clean.code) << _TICK_BITS) | number_of(ts, tick_ms)
    cell, inverse = np.unique(key, return_inverse=True)
    envelope = cell >> (_CODE_BITS + _TICK_BITS)
    trade = (clean.kind == SALE) | (clean.kind == RETURN)
    in_stock = clean.kind == STOCK
    relative = np.where(clean.has_relative, clean.relative, 0.0)

    def count(values: npt.NDArray[np.generic]) -> Ints:
        # In integers: float64 would round sums beyond 2**53.
        sums = np.zeros(len(cell), np.int64)
        np.add.at(sums, inverse, values)
        return sums

    def total(values: Floats) -> Floats:
        return np.bincount(inverse, weights=values, minlength=len(cell)).astype(np.float64)

    places = sorted(set(counties))
    place = np.array([places.index(c) for c in counties], np.int32)
    code = ((cell >> _TICK_BITS) & ((1 << _CODE_BITS) - 1)).astype(np.int32)
    columns = {
        "raw_offset": offsets[envelope],
        "county": pa.DictionaryArray.from_arrays(place[envelope], pa.array(places, pa.string())),
        "code": pa.DictionaryArray.from_arrays(code, pa.array(texts, pa.string())),
        "tick": start_of(cell & ((1 << _TICK_BITS) - 1), tick_ms),
        "lines": count(np.where(clean.kind == RETURN, -1, (clean.kind == SALE).astype(np.int64))),
        "terminals": np.ones(len(cell), np.int64),
        "base_qty": count(np.where(trade, clean.base_qty, 0)),
        "amount": count(np.where(trade, clean.amount, 0)),
        "relatives": count(clean.has_relative.astype(np.int64)),
        "log_relative": total(relative),
        "log_relative_sq": total(relative * relative),
        "stock": count(np.where(in_stock, clean.base_qty, 0)),
        "stock_skus": count(in_stock.astype(np.int64)),
        "zero_skus": count((in_stock & (clean.qty == 0)).astype(np.int64)),
    }
    schema = pa.schema([f for f in CELLS_SCHEMA if f.name != "raw_partition"])
    return envelope, pa.Table.from_pydict({f.name: columns[f.name] for f in schema}, schema=schema)
