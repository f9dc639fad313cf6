"""Partial sums of an envelope by commodity and tick."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from streams.envelope import RETURN, SALE, STOCK

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_TICK_BITS: Final = 40


@dataclass(frozen=True, slots=True)
class Cells:
    """Columns of shape (k,): one row for each commodity and tick that an envelope touches."""

    code: Ints
    """numbers in the stage's dictionary of codes"""
    tick: Ints
    lines: Ints
    base_qty: Ints
    amount: Ints
    relatives: Ints
    log_relative: Floats
    log_relative_sq: Floats
    stock: Ints
    stock_skus: Ints
    zero_skus: Ints

    def __len__(self) -> int:
        return len(self.code)


def cells_of(
    kind: npt.NDArray[np.int8],
    code: npt.NDArray[np.int32],
    ts: Ints,
    base_qty: Ints,
    amount: Ints,
    qty: Ints,
    relative: Floats,
    has_relative: npt.NDArray[np.bool_],
    tick_ms: int,
) -> Cells:
    """Sum the lines of one envelope; all arguments of shape (n,), ``base_qty`` and ``amount`` signed."""
    key = (code.astype(np.int64) << _TICK_BITS) | (ts // tick_ms)
    unique, inverse = np.unique(key, return_inverse=True)
    k = len(unique)
    trade = (kind == SALE) | (kind == RETURN)
    in_stock = kind == STOCK

    def total(values: Floats) -> Floats:
        return np.bincount(inverse, weights=values, minlength=k).astype(np.float64)

    def count(values: npt.NDArray[np.generic]) -> Ints:
        # In integers: float64 would round sums beyond 2**53.
        sums = np.zeros(k, np.int64)
        np.add.at(sums, inverse, values)
        return sums

    weighted = np.where(has_relative, relative, 0.0)
    return Cells(
        code=unique >> _TICK_BITS,
        tick=(unique & ((1 << _TICK_BITS) - 1)) * tick_ms,
        lines=count(np.where(kind == RETURN, -1, (kind == SALE).astype(np.int64))),
        base_qty=count(np.where(trade, base_qty, 0)),
        amount=count(np.where(trade, amount, 0)),
        relatives=count(has_relative & (kind != STOCK)),
        log_relative=total(weighted),
        log_relative_sq=total(weighted * weighted),
        stock=count(np.where(in_stock, base_qty, 0)),
        stock_skus=count(in_stock),
        zero_skus=count(in_stock & (qty == 0)),
    )
