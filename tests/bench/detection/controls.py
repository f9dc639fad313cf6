"""Negative controls: what the product raises on a story of three years, and what of it was nothing."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

from streams.simulate.trade import Trade, make_trade
from streams.simulate.tradeplan import Plan
from streams.simulate.tradetruth import CONTROL, Happening
from tests.bench.detection.product import Alert, backtest, read_alerts

STORIES: Final = {
    "daily, three New Years": Plan(
        days=900, start=date(2021, 12, 1), regions=("3306", "3502", "4201"), shops_per_county=2, goods=6, seed=5
    ),
    "hourly, Labour Day 2024": Plan(
        days=90, start=date(2024, 2, 20), cadence="hourly", regions=("3306", "3502"), goods=4, seed=6
    ),
}
KINDS: Final = {
    "panic_buying": ("panic_buying", "demand_surge"),
    "demand_drop": ("demand_drop", "supply_interruption", "stock_out"),
    "price_spike": ("price_spike",),
    "stock_out": ("stock_out", "supply_interruption", "demand_drop"),
    "supply_interruption": ("supply_interruption", "stock_out", "demand_drop"),
}
"""Kinds of ALERTS that speak of a kind of happening"""


@dataclass(frozen=True, slots=True)
class Line:
    """What was raised at one sort of happening."""

    name: str
    role: str
    count: int
    alarmed: int
    levels: tuple[str, ...]
    """of each alert, the gravest first"""
    delay_days: float
    """mean from the onset of those that were found"""


def told_by(alert: Alert, happening: Happening, times: np.ndarray[tuple[int], np.dtype[np.datetime64]]) -> bool:
    """Whether an alert speaks of a happening: its kind, time, place and goods."""
    if alert.kind not in KINDS.get(happening.kind, (happening.kind,)):
        return False
    if not times[happening.first] <= alert.detected <= times[happening.last]:
        return False
    regions, goods = happening.regions, happening.commodities
    place = regions == ("*",) or any(
        a == "*" or a.startswith(r) or r.startswith(a) for a in alert.regions for r in regions
    )
    return place and (goods == ("*",) or "*" in alert.commodities or bool(set(goods) & set(alert.commodities)))


def line_of(name: str, role: str, among: list[Happening], alerts: list[Alert], trade: Trade) -> Line:
    """What was raised at these happenings."""
    times, hits, delays, levels = trade.grid.times, 0, [], list[str]()
    for happening in among:
        mine = [a for a in alerts if told_by(a, happening, times)]
        levels += [a.level for a in mine]
        if mine:
            hits += 1
            delays.append(float((mine[0].detected - times[happening.first]) / np.timedelta64(1, "D")))
    return Line(name, role, len(among), hits, tuple(sorted(set(levels))), float(np.mean(delays)) if delays else np.nan)


def run_story(plan: Plan, folder: Path) -> tuple[list[Line], int, float]:
    """Lines by sort of happening, the alerts that spoke of none, and the months of the story."""
    trade = make_trade(plan)
    path, _ = backtest(trade.grid, folder, "story")
    alerts = read_alerts(path)
    sorts: dict[tuple[str, str], list[Happening]] = {}
    for happening in trade.happenings:
        name = happening.label.partition(",")[0] if happening.role == CONTROL else happening.kind
        sorts.setdefault((happening.role, name), []).append(happening)
    lines = [line_of(name, role, among, alerts, trade) for (role, name), among in sorted(sorts.items(), reverse=True)]
    stray = [a for a in alerts if not any(told_by(a, h, trade.grid.times) for h in trade.happenings)]
    return lines, len(stray), plan.days / 30.4375
