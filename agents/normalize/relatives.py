"""Log price relatives: a line's unit price against the same SKU's usual price in the same shop.

A matched relative has no unit-value bias: customers who switch to dearer brands are no price rise.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

HALF_LIFE_MS: Final = 10 * 86_400_000.0
"""The usual price follows a lasting change by half in ten days."""
OUTLIER: Final = float(np.log(8.0))
"""Beyond it a price is a mistake of unit or typing until someone says otherwise: flagged, kept out of relatives."""


@dataclass(slots=True)
class UsualPrices:
    """One shop's usual log unit price by row of its enterprise's catalogue; NaN where none is known yet."""

    log_price: Floats = field(default_factory=lambda: np.zeros(0))
    at: Floats = field(default_factory=lambda: np.zeros(0))
    """ms UTC of the last price that it learned from"""

    def grow(self, rows: int) -> None:
        """Make room for ``rows`` rows."""
        missing = rows - len(self.log_price)
        if missing > 0:
            self.log_price = np.concatenate([self.log_price, np.full(missing, np.nan)])
            self.at = np.concatenate([self.at, np.zeros(missing)])


def relatives(usual: UsualPrices, row: npt.NDArray[np.int64], log_price: Floats) -> tuple[Floats, Mask]:
    """Log relative of each line (0 where the SKU is new) and which lines are outliers; all of shape (n,)."""
    before = usual.log_price[row]
    known = ~np.isnan(before)
    relative = np.where(known, log_price - np.where(known, before, 0.0), 0.0)
    return relative, np.abs(relative) > OUTLIER


def learn(usual: UsualPrices, row: npt.NDArray[np.int64], log_price: Floats, ts: Floats) -> None:
    """Move the usual prices towards the mean price of each row in these lines; a new SKU starts at its first price.

    Parameters
    ----------
    row
        int64 (n,): catalogue rows; lines on promotion, returns and outliers are to be left out by the caller.
    log_price
        float64 (n,): natural log of the unit price.
    ts
        float64 (n,): ms UTC.
    """
    if not len(row):
        return
    touched, inverse = np.unique(row, return_inverse=True)
    count = np.bincount(inverse)
    mean = np.bincount(inverse, weights=log_price) / count
    last = np.zeros(len(touched))
    np.maximum.at(last, inverse, ts)
    before = usual.log_price[touched]
    new = np.isnan(before)
    elapsed = np.maximum(last - usual.at[touched], 0.0)
    weight = np.where(new, 1.0, -np.expm1(-elapsed * (np.log(2.0) / HALF_LIFE_MS)))
    start = np.where(new, mean, before)
    usual.log_price[touched] = start + weight * (mean - start)
    usual.at[touched] = np.maximum(usual.at[touched], last)
