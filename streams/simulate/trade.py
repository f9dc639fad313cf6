"""Trade of many shops as the contract of detection sees it: sums by county, commodity and period, with its truth."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np

from streams.simulate.tradecalendar import festivals
from streams.simulate.tradedemand import draw, expected
from streams.simulate.tradeevents import Effects, make_effects
from streams.simulate.tradefault import spoil
from streams.simulate.tradegrid import Grid, write_grid
from streams.simulate.tradeplan import Plan, Shops, make_goods, make_shops
from streams.simulate.tradeprice import Prices, make_prices
from streams.simulate.tradestock import sell
from streams.simulate.tradetruth import CONTROL, Happening, write_truth
from streams.world import Floats, Ints

INPUT: Final = "input.csv"
TRUTH: Final = "truth.csv"
_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class Trade:
    """What was traded, and what happened."""

    grid: Grid
    happenings: list[Happening]
    """by their first period"""

    def write(self, folder: Path) -> int:
        """Write ``input.csv`` and ``truth.csv``; returns the rows of the first. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        write_truth(folder / TRUTH, self.happenings, self.grid.texts)
        return write_grid(folder / INPUT, self.grid)


def make_trade(plan: Plan) -> Trade:
    """Draw the trade of a plan.

    Sales are negative binomial around level x hour of the week x calendar x trend x promotions; prices stand still and
    step; stock limits what can be sold and is reordered. The same plan gives the same trade. Raises TradeError.
    """
    shops, goods = make_shops(plan), make_goods(plan)
    prices = make_prices(plan, shops, goods)
    mean = expected(plan, shops, goods, prices)
    effects = make_effects(plan, shops, mean.shape)
    usual = mean.mean(axis=-1) * plan.per_day
    sales = sell(plan, draw(plan, mean, effects.demand), usual, effects.cut_off, effects.emptied)
    at = np.arange(mean.shape[-1])
    trades = ((at >= shops.opens[:, None]) & (at < shops.closes[:, None]))[:, None, :]
    stock = np.where(trades, sales.stock, 0.0)
    sold = _by_county(plan, shops, sales.sold)
    value = _by_county(plan, shops, sales.sold * _shelf_price(plan, shops, prices, effects))
    with np.errstate(invalid="ignore", divide="ignore"):
        price = np.where(sold > 0, np.round(value / sold, 2), np.nan)
    values = {"price": price, "qty": sold, "stock": _by_county(plan, shops, stock)}
    grid = Grid(plan.times(), plan.counties(), plan.commodities(), values)
    told = [*effects.happenings, *_turnover(plan, shops), *_festivals(plan), *spoil(plan, grid)]
    if plan.cadence == "weekly":
        grid, told = _weekly(grid), [_by_week(h) for h in told]
    return Trade(grid, sorted(told, key=lambda h: (h.first, h.last, h.kind)))


def _shelf_price(plan: Plan, shops: Shops, prices: Prices, effects: Effects) -> Floats:
    """Yuan, (shops, commodities, T)."""
    daily = prices.log_price - prices.cut
    log_price = daily[shops.chain] + prices.shop[..., None]
    shelf: Floats = np.round(np.exp(np.repeat(log_price, plan.per_day, axis=-1)) * effects.price, 2)
    return shelf


def _by_county(plan: Plan, shops: Shops, values: Floats) -> Floats:
    """Sums of the shops of each county, (counties, commodities, T)."""
    total = np.zeros((len(plan.counties()), *values.shape[1:]))
    np.add.at(total, shops.county, values)
    return total


def _turnover(plan: Plan, shops: Shops) -> list[Happening]:
    """Openings and closings, as controls."""
    counties, periods, told = plan.counties(), len(plan.times()), []
    for moment, kind, label in ((shops.opens, "panic_buying", "a shop opens"), (shops.closes, "demand_drop", "closes")):
        shop: Ints = np.flatnonzero((moment > 0) & (moment < periods))
        for i in shop.tolist():
            first = int(moment[i])
            last = min(periods - 1, first + 7 * plan.per_day)
            told.append(
                Happening(kind, first, last, (counties[shops.county[i]],), ("*",), 1.0, "step", 1.0, CONTROL, label)
            )
    return told


def _festivals(plan: Plan) -> list[Happening]:
    """Festivals within the time, as controls: from the first day of stocking up to the last of the feast."""
    told = []
    first = plan.start
    for day, kind in festivals(first, first + timedelta(days=plan.days - 1)):
        begin, end = (day - first).days - kind.stock_up_days, (day - first).days + kind.days
        if begin >= 0 and end <= plan.days:
            span = begin * plan.per_day, end * plan.per_day - 1
            size = round(float(np.exp(kind.lift)), 2)
            told.append(Happening("panic_buying", *span, ("*",), ("*",), size, "ramp", 1.0, CONTROL, kind.name))
    return told


def _weekly(grid: Grid) -> Grid:
    """Sums (stock: the last) of whole weeks; prices are means."""
    weeks = len(grid.times) // _WEEK
    values = {}
    for name, daily in grid.values.items():
        parts = daily[..., : weeks * _WEEK].reshape(*daily.shape[:2], weeks, _WEEK)
        told = ~np.isnan(parts)
        with np.errstate(invalid="ignore", divide="ignore"):
            total = np.where(told.any(axis=-1), np.nansum(parts, axis=-1), np.nan)
            means = np.round(total / told.sum(axis=-1), 2)
        values[name] = parts[..., -1] if name == "stock" else means if name == "price" else total
    return Grid(grid.times[: weeks * _WEEK : _WEEK], grid.regions, grid.commodities, values)


def _by_week(h: Happening) -> Happening:
    return replace(h, first=h.first // _WEEK, last=h.last // _WEEK)
