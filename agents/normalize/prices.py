"""Log price relatives: a line's unit price against the same article's usual price in the same shop.

A matched relative has no unit-value bias: customers who switch to dearer brands are no price rise.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

HALF_LIFE_MS: Final = 10 * 86_400_000.0
"""The usual price follows a lasting change by half in ten days."""
OUTLIER: Final = float(np.log(8.0))
"""Beyond it a price is a mistake of unit or typing until someone says otherwise: flagged, kept out of relatives."""
_ROW_BITS: Final = 32


class UsualPrices:
    """Usual log unit price of every (shop, article) that this worker has seen, in one dense pair of arrays.

    ``log_price[slot]`` is NaN until a price is learned; ``at[slot]`` is the ms UTC of the last one.
    """

    def __init__(self) -> None:
        self._slots: dict[int, int] = {}
        self._of_shop: dict[int, list[int]] = {}
        self.log_price = np.full(1024, np.nan)
        self.at = np.zeros(1024)

    def slots(self, shop: Ints, row: Ints) -> Ints:
        """Slot of each (shop, catalogue row), made where it is new; all int64 of shape (n,)."""
        keys = (shop << _ROW_BITS) | row
        found = list(map(self._slots.get, keys.tolist()))
        if None in found:
            found = [self._add(k) if s is None else s for k, s in zip(keys.tolist(), found, strict=True)]
        return np.array(found, np.int64)

    def known(self, shop: int) -> tuple[Ints, Ints]:
        """Catalogue rows and slots of a shop whose usual price is known, in the order of their first sale."""
        keys = self._of_shop.get(shop, [])
        slots = np.array([self._slots[k] for k in keys], np.int64)
        rows = np.array(keys, np.int64) & ((1 << _ROW_BITS) - 1)
        has = ~np.isnan(self.log_price[slots])
        return rows[has], slots[has]

    def _add(self, key: int) -> int:
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = len(self._slots)
            self._of_shop.setdefault(key >> _ROW_BITS, []).append(key)
            if slot == len(self.log_price):
                self.log_price = np.concatenate([self.log_price, np.full(slot, np.nan)])
                self.at = np.concatenate([self.at, np.zeros(slot)])
        return slot


def relatives(usual: UsualPrices, slot: Ints, log_price: Floats) -> tuple[Floats, Mask]:
    """Log relative of each line, and whether there was a usual price to compare with; all of shape (n,)."""
    before = usual.log_price[slot]
    known = ~np.isnan(before)
    return np.where(known, log_price - np.where(known, before, 0.0), 0.0), known


def learn(usual: UsualPrices, slot: Ints, log_price: Floats, ts: Floats) -> None:
    """Move usual prices towards the mean price of each slot in these lines; a new article starts at its first price.

    Parameters
    ----------
    slot
        int64 (n,); lines on promotion, returns and outliers are to be left out by the caller, and the lines of one
        slot must be of one envelope.
    log_price
        float64 (n,): natural log of the unit price.
    ts
        float64 (n,): ms UTC.
    """
    if not len(slot):
        return
    touched, inverse = np.unique(slot, return_inverse=True)
    mean = np.bincount(inverse, weights=log_price) / np.bincount(inverse)
    last = np.zeros(len(touched))
    np.maximum.at(last, inverse, ts)
    before = usual.log_price[touched]
    new = np.isnan(before)
    elapsed = np.maximum(last - usual.at[touched], 0.0)
    weight = np.where(new, 1.0, -np.expm1(-elapsed * (np.log(2.0) / HALF_LIFE_MS)))
    start = np.where(new, mean, before)
    usual.log_price[touched] = start + weight * (mean - start)
    usual.at[touched] = np.maximum(usual.at[touched], last)
