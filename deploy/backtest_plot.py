"""A picture of each alert of a backtest: the series that it speaks of, around the time that it was raised."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from deploy.backtest_input import Input
from detectors.incident_rows import Row
from detectors.state import Floats
from detectors.tree import ALL, Tree, is_code
from streams.records import Kind

BEFORE: Final = 60
AFTER: Final = 20
"""Periods shown before and after."""
_CHINESE: Final = ("Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Zen Hei", "Microsoft YaHei", "PingFang SC")
_MEASURES: Final[dict[Kind, str]] = {"price_spike": "price", "price_drop": "price"}


def draw(folder: Path, alerts: Sequence[Row], given: Input) -> int:
    """Write ``ALERT_ID.png`` for each alert that has a series to show; how many. Raises OSError."""
    from matplotlib import rcParams
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager

    folder.mkdir(parents=True, exist_ok=True)
    installed = {font.name for font in fontManager.ttflist}
    rcParams["font.family"] = [*(name for name in _CHINESE if name in installed), "DejaVu Sans"]
    drawn = 0
    for alert in alerts:
        measure = _MEASURES.get(alert.kind, "qty")
        measure = measure if measure in given.values else next(iter(given.values))
        values = _series(given, alert, measure)
        at = int(np.searchsorted(given.starts, alert.detected))
        part = slice(max(0, at - BEFORE), at + AFTER + 1)
        if np.isnan(values[part]).all():
            continue
        figure = Figure(figsize=(9.0, 3.6), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        times = given.starts[part].astype("datetime64[ms]") + np.timedelta64(8, "h")
        axes.plot(times, values[part], color="#1f4e79", linewidth=1.4)
        for moment, name, style in ((alert.onset, "onset", ":"), (alert.detected, "detected", "-")):
            when: Any = np.datetime64(moment, "ms") + np.timedelta64(8, "h")
            axes.axvline(when, color="#b3261e", linestyle=style, label=name)
        axes.set_title(
            f"{alert.kind}, level {alert.level}: chance alone once in {alert.recurrence_days:,.0f} days", loc="left"
        )
        axes.set_ylabel(f"{measure}, {_named(alert.regions)}, {_named(alert.commodities)}"[:60])
        axes.legend(loc="upper left", frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(folder / f"{alert.alert_id}.png", dpi=110)
        drawn += 1
    return drawn


def _series(given: Input, alert: Row, measure: str) -> Floats:
    """The sum of the alert's series, or the median of their prices, (periods,)."""
    tree = Tree.of(given.regions, given.commodities)
    leaves = tree.regions[: tree.leaves]
    there = np.array(
        [any(a in (ALL, "00") or r == a or (is_code(a) and r.startswith(a)) for a in alert.regions) for r in leaves]
    )
    goods = np.array([ALL in alert.commodities or c in alert.commodities for c in given.commodities])
    period = np.repeat(np.arange(len(given.numbers)), np.diff(given.bounds))
    rows = there[given.region] & goods[given.commodity] & ~np.isnan(given.values[measure])
    value, when = given.values[measure][rows], period[rows]
    out = np.full(len(given.numbers), np.nan)
    if measure == "price":
        first = np.searchsorted(when, np.arange(len(out) + 1))
        for k in np.flatnonzero(np.diff(first)).tolist():
            out[k] = np.median(value[first[k] : first[k + 1]])
    else:
        np.put(out, np.unique(when), np.bincount(when, value)[np.unique(when)])
    return out


def _named(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} together"
