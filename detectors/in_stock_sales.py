"""What a series usually sells in a period while it is in stock, and how likely it then sells nothing at all.

Learned with the chance of having been in stock as weight: else every stock-out lowers its own expectation. A period's
usual sale is ``level of the series x profile of the hour x how the series, its region and all regions trade right
now``; the region's share is taken without the series itself, so that one empty shelf does not explain itself away while
a closed shop explains all of them.
"""

from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.moment import Moment
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.state import Axes, Floats, Mask, State

Singles = npt.NDArray[np.float32]

SLOTS: Final = 24
"""hours of the day, or days of the week: whichever the pace knows"""
DAY_STARTS: Final = 5
"""local hour at which the day's sales begin to be counted: shelves are filled before shops open"""
LEVEL_HALF_LIFE_MS: Final = 28 * DAY_MS
RECENT_HALF_LIFE_MS: Final = 3 * HOUR_MS
PROFILE_VISITS: Final = 14.0
"""half-life of the profile in visits of a slot"""
SHAPE: Final = 8.0
"""shape of the gamma that the rate of a period varies by (negative binomial)"""
FEWER: Final = 1.0
"""weight of the rate's word on silence, in silent periods"""
LEAST_NONE: Final = 5e-4
"""chance of no sale, whatever the rate"""
SLOT_BASKETS: Final = 5.0
"""weight of a flat day in the profile of a slot, in baskets"""
IDLE: Final = 0.04
IDLE_DAY: Final = 0.005
IDLE_PRIOR: Final = 20.0
"""share of periods, and of whole days, without a sale that no rate explains; its weight in periods that should sell"""
POOL_PERIODS: Final = 3.0
"""weight of the commodity's other regions in a level, in periods"""
BASKETS: Final = 3.0
"""weight of the commodity's other regions in the size of a basket"""
RECENT: Final = 10.0
"""weight, in baskets, of the region's trade of the last hours in the series' own, and of all regions' in that"""
LARGE: Final = 6.0
"""a sale counts for at most as many times the usual one plus as many baskets"""
LEAST: Final = 0.3
MOST: Final = 2.0
"""how far the trade of the last hours may move what is expected"""
CLOSED: Final = 0.01
"""share of periods in which a whole region is closed, or its feed is down, though it usually trades"""

PerSeries = Annotated[Singles, Axes(("units", "codes"), "f4")]
_PerSlot = Annotated[Singles, Axes((SLOTS,), "f4")]


@dataclass(slots=True)
class InStockSales(State):
    """Fading sums, each weighted by the chance of having been in stock; float32."""

    sold: PerSeries
    exposed: PerSeries
    """sum of the profile: level = sold / exposed"""
    idle: PerSeries
    """periods without a sale beyond those that the rate explains"""
    silence_due: PerSeries
    """periods without a sale that the rate explains"""
    audible: PerSeries
    """periods that should have had a sale"""
    basket_sold: PerSeries
    baskets: PerSeries
    """sales and baskets of slow periods: their ratio is the size of a basket"""
    today: PerSeries
    today_usual: PerSeries
    """sold since the day began, and what is usual up to now"""
    recent: PerSeries
    recent_usual: PerSeries
    """sold in the last hours, and what is usual"""
    slot_sold: _PerSlot
    slot_usual: _PerSlot


class Expected(NamedTuple):
    """What is expected of a period, all float32 (regions, commodities) but the profile."""

    usual: Singles
    """sale of the period by level and profile, base units"""
    rate: Singles
    """the same as the series and its region trade right now"""
    none: Singles
    """chance of no sale while in stock"""
    closed: Singles
    """chance that the whole region is closed or silent, as its other series tell"""
    day: Singles
    """usual sale of a whole day, base units; of a period where that is longer"""
    basket: Singles
    """size of a basket, base units"""
    profile: Singles
    """(SLOTS,), mean 1 over the slots seen, 0 where not"""


def slot_of(moment: Moment) -> int:
    """The hour of the day, the day of the week, or 0, as the pace knows it."""
    return moment.slot % SLOTS


def periods_of_day(pace: Pace) -> float:
    """Periods of a slot's day: 24 for hours, 1 for days and longer ones."""
    return max(pace.ticks_per_day, 1.0)


def begin(state: InStockSales, moment: Moment, pace: Pace) -> None:
    """Start a new day of counting, in place, where this period is its first."""
    local_ms = moment.start_ms + 8 * HOUR_MS
    since = (local_ms - DAY_STARTS * HOUR_MS) % DAY_MS
    if since < pace.tick_ms:
        state.today[...] = 0.0
        state.today_usual[...] = 0.0


def expect(state: InStockSales, qty: Singles, seen: Mask, likely: Singles, moment: Moment, pace: Pace) -> Expected:
    """What each series sells in this period while in stock.

    ``qty`` float32 (..., regions, commodities), base units, zero where not ``seen``; ``likely`` the chance, before this
    period's sale is known, of being in stock.
    """
    slot = slot_of(moment)
    profile = _profile(state)
    share = _share(profile, slot)
    pool = _ratio(state.sold.sum(axis=-2, keepdims=True), state.exposed.sum(axis=-2, keepdims=True))
    level = (state.sold + POOL_PERIODS * pool) / (state.exposed + POOL_PERIODS)
    basket = _basket(state, qty)
    usual = np.maximum(level * share, 1e-6 * basket).astype(np.float32)
    weight = np.where(seen, likely, 0.0).astype(np.float32)
    got, due = weight * np.minimum(qty, 4.0 * usual + 3.0 * basket), weight * usual
    rate = usual * _trade(state, got, due, basket, pace) * np.float32(np.exp(moment.drop_lift))
    prior = IDLE if pace.tick_ms < DAY_MS else IDLE_DAY
    idle = np.clip((state.idle + IDLE_PRIOR * prior) / (state.audible + IDLE_PRIOR), 0.1 * prior, 0.9)
    none = no_sale(rate, basket)
    # Where days never pass without a sale, the size of a basket cannot be told from slow ones: their absence tells.
    none = none * np.minimum(_fewer(state), 1.0)
    none = np.clip(none + (1.0 - none) * idle, LEAST_NONE, 0.98)
    closed = _closed(got, due, basket)
    day = level * profile.sum(axis=-1)[..., None, None] * np.float32(_slots_a_day(profile, pace))
    return Expected(usual, rate, closed + (1.0 - closed) * none, closed, day, basket, profile)


def learn(
    state: InStockSales,
    qty: Singles,
    seen: Mask,
    stocked: Singles,
    at: Expected,
    moment: Moment,
    pace: Pace,
) -> None:
    """Learn one period, in place; ``stocked`` is the chance of having been in stock, known with its sale."""
    slot = slot_of(moment)
    weight = np.where(seen, stocked * (1.0 - at.closed), 0.0).astype(np.float32)
    fresh = state.exposed < pace.warm_ticks
    sold = np.where(fresh, qty, np.minimum(qty, LARGE * (at.usual + at.basket)))
    fade = np.float32(0.5 ** (pace.tick_ms / max(LEVEL_HALF_LIFE_MS, 14.0 * pace.tick_ms)))
    share = _share(at.profile, slot)
    none, silent = no_sale(at.usual, at.basket), sold <= 0.0
    state.sold[...] = state.sold * fade + weight * sold
    state.exposed[...] = state.exposed * fade + weight * share
    state.idle[...] = state.idle * fade + weight * (silent - none)
    state.silence_due[...] = state.silence_due * fade + weight * none
    state.audible[...] = state.audible * fade + weight * (1.0 - none)
    slow = np.where(silent, 0.0, weight * none)
    first = (state.baskets == 0.0) & ~silent & seen
    lines = (at.usual / at.basket) / np.maximum(1.0 - none, 1e-6)
    state.basket_sold[...] = np.where(first, sold, state.basket_sold * fade + slow * sold)
    state.baskets[...] = np.where(first, 1.0, state.baskets * fade + slow * lines)
    state.today += np.where(seen, sold, 0.0)
    state.today_usual += np.where(seen, at.usual, 0.0)
    recent = _recently(pace)
    state.recent[...] = state.recent * recent + weight * np.minimum(sold, 4.0 * at.usual + 3.0 * at.basket)
    state.recent_usual[...] = state.recent_usual * recent + weight * at.usual
    visit = np.float32(0.5 ** (1.0 / (PROFILE_VISITS * max(pace.slot_ms / pace.tick_ms, 1.0))))
    level = at.usual / share
    state.slot_sold[..., slot] = state.slot_sold[..., slot] * visit + (weight * sold / at.basket).sum(axis=(-2, -1))
    state.slot_usual[..., slot] = state.slot_usual[..., slot] * visit + (weight * level / at.basket).sum(axis=(-2, -1))


def daily(state: InStockSales, pace: Pace) -> Floats:
    """Usual sale of a day while in stock, base units, float64 (regions, commodities); 0 where nothing is known."""
    profile = _profile(state)
    per_day = profile.sum(axis=-1)[..., None, None] * _slots_a_day(profile, pace)
    days = max(pace.tick_ms / DAY_MS, 1.0)
    return np.asarray(_ratio(state.sold, state.exposed) * per_day / days, np.float64)


def basket(state: InStockSales) -> Floats:
    """Size of a basket, base units, float64 (regions, commodities): makes commodities of several units comparable."""
    return _basket(state).astype(np.float64)


def no_sale(rate: Singles, basket: Singles) -> Singles:
    """Chance of no basket where ``rate`` is expected: negative binomial."""
    return np.asarray((1.0 + rate / (SHAPE * basket)) ** -SHAPE, np.float32)


def _trade(state: InStockSales, got: Singles, due: Singles, basket: Singles, pace: Pace) -> Singles:
    """How the series trades right now against the usual: its own last hours shrunk to its region's, and so on.

    ``got`` and ``due``: this period's sale and the usual one, base units, weighted. They count for the others only.
    """
    fade = _recently(pace)
    own, own_due = state.recent * fade / basket, state.recent_usual * fade / basket
    now, now_due = own + got / basket, own_due + due / basket
    region, region_due = now.sum(axis=-1, keepdims=True), now_due.sum(axis=-1, keepdims=True)
    every = (region.sum(axis=-2, keepdims=True) + 1.0) / (region_due.sum(axis=-2, keepdims=True) + 1.0)
    others = (np.maximum(region - now, 0.0) + RECENT * every) / (np.maximum(region_due - now_due, 0.0) + RECENT)
    return np.asarray(np.clip((own + RECENT * others) / (own_due + RECENT), LEAST, MOST), np.float32)


def _fewer(state: InStockSales) -> Singles:
    """Periods without a sale, times those that the rate explains."""
    seen = np.maximum(state.idle + state.silence_due, 0.0)
    return np.asarray((seen + FEWER) / (state.silence_due + FEWER), np.float32)


def _closed(got: Singles, due: Singles, basket: Singles) -> Singles:
    """Chance that the region is closed: by what its other series sold this period, and should have (weighted)."""
    lines, usual = got / basket, due / basket
    others = lines.sum(axis=-1, keepdims=True) - lines
    silence = no_sale(np.maximum(usual.sum(axis=-1, keepdims=True) - usual, 0.0), np.ones_like(usual))
    return np.asarray(np.where(others > 1e-3, 0.0, CLOSED / (CLOSED + silence)), np.float32)


def _recently(pace: Pace) -> np.float32:
    return np.float32(0.5 ** (pace.tick_ms / max(RECENT_HALF_LIFE_MS, pace.tick_ms)))


def _profile(state: InStockSales) -> Singles:
    seen = state.slot_usual > 0.0
    rate = _ratio(state.slot_sold.sum(axis=-1, keepdims=True), state.slot_usual.sum(axis=-1, keepdims=True))
    raw = np.where(seen, (state.slot_sold + SLOT_BASKETS * rate) / (state.slot_usual + SLOT_BASKETS), 0.0)
    mean = raw.sum(axis=-1, keepdims=True) / np.maximum(seen.sum(axis=-1, keepdims=True), 1)
    return _ratio(raw, np.broadcast_to(mean, raw.shape))


def _share(profile: Singles, slot: int) -> Singles:
    """The profile of a slot, 1 where it was never seen."""
    here = profile[..., slot, None, None]
    return np.asarray(np.where(here > 0.0, here, 1.0), np.float32)


def _slots_a_day(profile: Singles, pace: Pace) -> float:
    """Periods of a slot; for days and longer the week's slots make up as many days."""
    if pace.tick_ms >= DAY_MS:
        return 1.0 / max(int((profile > 0.0).sum(axis=-1).max(initial=0)), 1)
    return max(pace.slot_ms / pace.tick_ms, 1.0)


def _basket(state: InStockSales, qty: Singles | None = None) -> Singles:
    """Size of a basket; of a commodity that was never sold, this period's mean sale."""
    sold, count = state.basket_sold.sum(axis=-2, keepdims=True), state.baskets.sum(axis=-2, keepdims=True)
    pool = np.where(count > 0.0, _ratio(sold, count), 1.0)
    if qty is not None:
        buyers = (qty > 0.0).sum(axis=-2, keepdims=True).astype(np.float32)
        first = (count == 0.0) & (buyers > 0.0)
        pool = np.where(first, _ratio(qty.sum(axis=-2, keepdims=True), buyers), pool)
    return np.asarray((state.basket_sold + BASKETS * pool) / (state.baskets + BASKETS), np.float32)


def _ratio(top: Singles, bottom: Singles) -> Singles:
    return np.asarray(np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0.0), np.float32)
