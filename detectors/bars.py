"""Bars: the closed ticks of a city summed into hours, for the detectors that look at slow change.

A bar stays open for the allowed lateness beyond its end, so that rows that come late are in it; then it is closed for
ever and handed on. Where a tick is longer than an hour, each tick is a bar.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from detectors import chains
from detectors.chains import Chains
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.pending import HELD, LINES, LOG_RELATIVE, QUANTITY, RELATIVES, STOCK, STOCK_SKUS, ZERO_SKUS, Rows
from detectors.state import Axes, Bits, Floats, Ints, PerSeries, State
from streams.ticks import tick_of

USUAL_HALF_LIFE_MS: Final = 10.0 * DAY_MS
"""How fast the usual price behind a relative follows a lasting change: agents/normalize/prices.py."""
STALE_MS: Final = 30 * DAY_MS
"""An article without a price for so long starts at its next one: its usual price says nothing of what went before."""
_MEASURES: Final = [LINES, QUANTITY, RELATIVES, LOG_RELATIVE, STOCK, STOCK_SKUS, ZERO_SKUS]
_N: Final = len(_MEASURES) + 1
"""After these stand the log relatives that also move the usual price: those that are not held."""
_MOST_TOLD: Final = 200
"""Bars of which terminals may have told before they are closed: more are of a city that never sold anything."""
_STRETCH: Final[Ints] = np.arange(_N, dtype=np.int64)[:, None]


class Bar(NamedTuple):
    """One closed bar; float64 arrays of shape (counties, commodities)."""

    start: int
    """ms UTC"""
    bar_ms: int
    regions: list[str]
    """counties of the city, 6 digits"""
    codes: list[str]
    lines: Floats
    """sales less returns"""
    quantity: Floats
    """thousandths of the base unit; 0.0 where nothing was sold, NaN where nothing ever was"""
    price: Floats
    """index of what the same articles cost in the same shops, 1.0 at the first bar; NaN where nothing had a relative"""
    stock: Floats
    """on hand, thousandths of the base unit: the sum of the bar's reports, NaN where there are none. The stock of all
    shops where each reports an article once a bar, twice that where each reports twice."""
    zero_share: Floats
    """share of the reports that say that there is none, NaN where there are none"""
    told: Floats
    """(counties,): terminals that have sent all their sales of it"""


@dataclass(slots=True)
class Index(State):
    """What turns relatives into prices, and what was ever sold; all of shape (units, commodities)."""

    level: PerSeries
    """log of the usual price, 0 at the first bar"""
    at: Annotated[Ints, Axes(("units", "codes"), "i8")]
    """start of the last bar with relatives, ms UTC, 0: never"""
    sold: Annotated[Ints, Axes(("units", "codes"), "i8")]
    """start of the last bar with sales, ms UTC, 0: never"""


@dataclass(slots=True)
class Bars:
    """The open bars of a city and the price index. Unit 0, the city itself, stays zero: it is the sum of the others."""

    index: Index
    chains: Chains
    sums: dict[int, Floats] = field(default_factory=dict)
    """by start (ms UTC), rising: (8, units, commodities)"""
    told: dict[int, Floats] = field(default_factory=dict)
    """by start (ms UTC), of bars that are not closed: (units,), terminals that have sent all their sales of it"""
    until: int = 0
    """all bars that start before are closed, ms UTC"""

    @classmethod
    def empty(cls, **sizes: int) -> Self:
        """No bar is open; ``sizes`` as in State."""
        return cls(Index.empty(**sizes), Chains.empty(**sizes))

    def grow(self, **sizes: int) -> None:
        """Make room for more ``units`` and ``codes``."""
        self.index.grow(**sizes)
        self.chains.grow(**sizes)
        for start, old in self.sums.items():
            new = np.zeros((_N, sizes["units"], sizes["codes"]))
            new[:, : old.shape[1], : old.shape[2]] = old
            self.sums[start] = new
        self.told = {start: np.pad(old, (0, sizes["units"] - len(old))) for start, old in self.told.items()}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that it holds, by name."""
        shape = (0, _N, *self.index.level.shape)
        told = sorted(self.told.items())
        return {
            **self.index.arrays(),
            **self.chains.arrays(),
            "starts": np.array([self.until, *self.sums], np.int64),
            "sums": np.array(list(self.sums.values())) if self.sums else np.zeros(shape),
            "told_starts": np.array([start for start, _ in told], np.int64),
            "told": np.array([count for _, count in told]).reshape(-1, len(self.index.level)),
        }

    @classmethod
    def of(
        cls,
        level: Floats,
        at: Ints,
        sold: Ints,
        number: Ints,
        masks: Bits,
        starts: Ints,
        sums: Floats,
        told_starts: Ints,
        told: Floats,
    ) -> Self:
        """What ``arrays`` gave."""
        until, *open_ = starts.tolist()
        return cls(
            Index(level, at, sold),
            Chains(number, masks),
            dict(zip(open_, sums, strict=True)),
            dict(zip(told_starts.tolist(), told, strict=True)),
            until,
        )


def bar_ms(pace: Pace) -> int:
    """Length of a bar."""
    return max(HOUR_MS, pace.tick_ms)


def add(bars: Bars, rows: Rows, tick: int, pace: Pace) -> None:
    """Put the rows of a tick (start, ms UTC), as ``held.release`` gives them, into its bar, in place.

    A tick without rows opens its bar too: nothing was sold in it. Raises ValueError where the bar is closed.
    """
    start = tick_of(tick, bar_ms(pace))
    sums = bars.sums.get(start)
    if sums is None:
        # Before its first tick nothing is known of a city: what is older than that is not its first bar.
        bars.until = bars.until or start
        if start < bars.until:
            raise ValueError(f"bar {start}: expected one that is not closed, got one before {bars.until}")
        late = any(other > start for other in bars.sums)
        sums = bars.sums[start] = np.zeros((_N, *bars.index.level.shape))
        if late:
            bars.sums = dict(sorted(bars.sums.items()))
    chains.add(bars.chains, tick, bar_ms(pace), rows.unit, rows.code, rows.chains)
    if not len(rows):
        return
    n = sums[0].size
    places = rows.unit * sums.shape[2] + rows.code + _STRETCH * n
    taught = np.where(rows.sums[HELD] > 0.0, 0.0, rows.sums[LOG_RELATIVE])
    np.add.at(sums.reshape(-1), places.ravel(), np.concatenate([rows.sums[_MEASURES], taught[None]]).ravel())


def tell(bars: Bars, starts: Ints, unit: Ints) -> int:
    """Count terminals, each of shape (n,), by bar and unit, in place; returns how many told of a bar that is closed."""
    open_ = starts >= bars.until
    for start in np.unique(starts[open_]).tolist():
        told = bars.told.setdefault(start, np.zeros(len(bars.index.level)))
        np.add.at(told, unit[starts == start], 1.0)
    while len(bars.told) > _MOST_TOLD:
        del bars.told[min(bars.told)]
    return len(starts) - int(np.count_nonzero(open_))


def close(bars: Bars, before: int, units: list[str], codes: list[str], pace: Pace) -> Iterator[Bar]:
    """Close all bars that end at or before ``before`` (ms UTC), in place; yields them, rising.

    A relative is the log of a price over the article's usual price, and this follows the price by half in ten days. So
    the price is ``level + mean relative``, where the level has gone the same way as the usual prices: ``level += (1 -
    2^(-elapsed / 10 d)) x relatives that teach / all``. A price that rises by x and stays is a step of x, not a spike
    that fades. What is held moves no usual price. *Fails* where held prices become the usual ones after ten days: the
    index falls back then.
    """
    length = bar_ms(pace)
    until = tick_of(before, length)
    for start in [s for s in bars.sums if s < until]:
        yield _closed(bars, start, length, units, codes)
    bars.until = max(bars.until, until)
    bars.told = {start: told for start, told in bars.told.items() if start >= bars.until}


def _closed(bars: Bars, start: int, length: int, units: list[str], codes: list[str]) -> Bar:
    sums, index = bars.sums.pop(start), bars.index
    lines, quantity, relatives, log_relative, stock, reports, zeros, taught = sums[:, 1:]
    priced = relatives > 0.0
    count = np.maximum(relatives, 1.0)
    level, at = index.level[1:], index.at[1:]
    price = np.where(priced, np.exp(level + log_relative / count), np.nan)
    elapsed = np.where(at > 0, start - at, length)
    share = np.where(elapsed <= STALE_MS, -np.expm1(-elapsed * (np.log(2.0) / USUAL_HALF_LIFE_MS)), 0.0)
    level += priced * share * taught / count
    at[priced] = start
    sold = index.sold[1:]
    sold[lines > 0.0] = start
    told = reports > 0.0
    return Bar(
        start,
        length,
        units[1:],
        list(codes),
        lines,
        np.where(sold > 0, quantity, np.nan),
        price,
        np.where(told, stock, np.nan),
        np.where(told, zeros / np.maximum(reports, 1.0), np.nan),
        bars.told.pop(start, np.zeros(len(sums[0])))[1:],
    )
