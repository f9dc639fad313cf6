"""What a commodity costs in a city: the level that an article without a past of its own is compared with.

Each article of a shop gives one price, the first that is sound; the level is the median of the latest of them. So the
level costs nothing once articles are known, and what one shop sells most does not make it.

Levels are kept by raw partition, and a price counts from the next EPOCH of offsets on: so what becomes of a line
depends on the records of its partition alone, however they were batched and whoever has the other partitions.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from agents.normalize.gates import is_step
from agents.normalize.groups import Floats, Ints, Mask
from streams.taxonomy import OTHER, UNCLASSIFIED

EPOCH: Final = 64
"""Envelopes of a raw partition after which their prices count."""
WARM: Final = 8
"""Articles of shops before there is a level."""
KEPT: Final = 32
WITHIN: Final = 0.35
"""A step is one but for so much, in log units: brands differ."""
MOST_SPREAD: Final = 1.4
"""Where the middle three quarters of the prices lie further apart, by a factor of 4, a step says nothing."""


class Levels:
    """Log unit prices of articles by (raw partition, city, commodity): the latest KEPT of each, as a ring."""

    def __init__(self) -> None:
        self._places: dict[tuple[int, str], int] = {}
        self._rows: dict[tuple[int, int], int] = {}
        self._prices = np.zeros((64, KEPT), np.float32)
        self._count = np.zeros(64, np.int64)
        self._given = np.zeros(1024, np.bool_)
        self._waiting: dict[int, list[tuple[int, float]]] = {}

    def places(self, names: list[tuple[int, str]]) -> Ints:
        """Number of each (raw partition, city)."""
        return np.array([self._places.setdefault(name, len(self._places)) for name in names], np.int64)

    def lacking(self, slot: Ints, comparable: Mask) -> Ints:
        """Indices of comparable lines whose article has not given its price, int64 (k,)."""
        most = int(slot.max(initial=-1))
        if most >= len(self._given):
            more = max(most + 1 - len(self._given), len(self._given))
            self._given = np.concatenate([self._given, np.zeros(more, np.bool_)])
        given = self._given[slot]
        return np.zeros(0, np.int64) if given.all() else np.flatnonzero(comparable & ~given)

    def steps_off(
        self, slot: Ints, log_price: Floats, place: Ints, offset: Ints, code: npt.NDArray[np.int32], texts: list[str]
    ) -> Mask:
        """Which lines are a step of 10, 500 or 1000 away from their level, bool (k,); the others teach it.

        Parameters
        ----------
        slot
            int64 (k,), of lines found by ``lacking``; lines of one place by rising ``offset``.
        log_price
            float64 (k,): natural log of the unit price.
        place, offset
            int64 (k,): where each line comes from, and the offset of its envelope.
        code
            int32 (k,): index of each line's commodity in ``texts``.
        """
        off = np.zeros(len(slot), np.bool_)
        unwatched = [i for i in np.unique(code).tolist() if texts[i].startswith((OTHER, UNCLASSIFIED))]
        row = self._rows_of(place, code)
        epoch = offset // EPOCH
        for now in np.unique(epoch).tolist():
            # An article whose price was taken in an earlier epoch of this call is no longer lacking.
            its = np.flatnonzero((epoch == now) & ~np.isin(code, unwatched) & ~self._given[slot])
            if not len(its):
                continue
            used = np.unique(row[its])
            for one in used.tolist():
                self._count_in(one, now)
            level = np.full(len(self._count), np.nan)
            level[used] = self._levels(used)
            off[its] = is_step(np.nan_to_num(log_price[its] - level[row[its]]), WITHIN)
            sound = its[~off[its]]
            _, first = np.unique(slot[sound], return_index=True)
            givers = sound[np.sort(first)]
            self._given[slot[givers]] = True
            for one, price in zip(row[givers].tolist(), log_price[givers].tolist(), strict=True):
                self._waiting.setdefault(one, []).append((now, price))
        return off

    def _rows_of(self, place: Ints, code: npt.NDArray[np.int32]) -> Ints:
        key, of = np.unique((place << 32) | code, return_inverse=True)
        rows = [self._rows.setdefault((k >> 32, k & 0xFFFFFFFF), len(self._rows)) for k in key.tolist()]
        more = len(self._rows) - len(self._count)
        if more > 0:
            more = max(more, len(self._count))
            self._prices = np.concatenate([self._prices, np.zeros((more, KEPT), np.float32)])
            self._count = np.concatenate([self._count, np.zeros(more, np.int64)])
        return np.array(rows, np.int64)[of]

    def _count_in(self, row: int, now: int) -> None:
        """Let the prices of an earlier epoch count; those that wait are all of one."""
        waiting = self._waiting.get(row)
        if waiting is None or waiting[0][0] >= now:
            return
        for _, price in waiting:
            self._prices[row, self._count[row] % KEPT] = price
            self._count[row] += 1
        del self._waiting[row]

    def _levels(self, rows: Ints) -> Floats:
        """Median of each row, NaN where there are too few prices or they lie too far apart; float64 (rows,)."""
        held = np.minimum(self._count[rows], KEPT)
        prices = np.where(np.arange(KEPT) < held[:, None], self._prices[rows], np.inf)
        prices.sort(axis=1)
        each = np.arange(len(rows))
        low, high = prices[each, held // 8], prices[each, np.maximum(held - 1 - held // 8, 0)]
        level = np.where(held >= WARM, prices[each, held // 2], np.nan)
        with np.errstate(invalid="ignore"):
            return np.where(high - low <= MOST_SPREAD, level, np.nan)
