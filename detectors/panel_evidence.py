"""The evidence of a finding: of demand the band of what is usual and the last cells, of a price how long it moves."""

from typing import Final

import numpy as np

from detectors import climb, rises, windows
from detectors.panel import Panel
from detectors.state import Floats
from detectors.windows import RING
from streams.evidence import Evidence, Point

MOST: Final = 5
"""Findings of one kind and period that carry their series: the rarest."""
POINTS: Final = 14
"""Cells of a series."""
BAND: Final = 1.645
"""Standard deviations of the band in which nine of ten windows lie."""


def of_demand(state: Panel, down: bool, row: int, column: int) -> Evidence:
    """Of one node: observed and expected of the best window with its band, and the last cells."""
    observed, expected, _, _ = state.demand.shown[int(down), :, row, column].astype(np.float64).tolist()
    if not np.isfinite(observed):
        return Evidence()
    sd = float(_deviation(state, down)[row, column])
    low, high = (max(0.0, expected * (1.0 + sign * BAND * sd / 3.0) ** 3) for sign in (-1.0, 1.0))
    return Evidence(observed=observed, expected=expected, low=low, high=high, series=_series(state, down, row, column))


def of_price(state: Panel, down: bool, row: int, column: int) -> Evidence | None:
    """Of one node: on how many days in a row its price rose (fell). None of sums, which have no price."""
    shelf, tree = state.quotes.shelf, state.tree
    if row >= tree.leaves or column >= tree.goods:
        return None
    return Evidence(run=climb.in_a_row(rises.known_prices(shelf)[:, row, column], down))


def dispersion(state: Panel, down: bool) -> Floats:
    """Variance over mean of the best window of each node, float64 (regions, commodities)."""
    expected = state.demand.shown[int(down), 1].astype(np.float64)
    return np.asarray(np.maximum(_deviation(state, down) ** 2 * np.nan_to_num(expected), 1e-9))


def _deviation(state: Panel, down: bool) -> Floats:
    """Standard deviation of ``3 (cbrt(O / E) - 1)`` of each node, of a day-long window and the node's own factor."""
    expected = np.maximum(np.nan_to_num(state.demand.shown[int(down), 1]), 1e-3)
    variance = windows.variance(state.demand, 1, expected)
    return np.asarray(np.sqrt(variance), np.float64)


def _series(state: Panel, down: bool, row: int, column: int) -> list[Point]:
    pace, kept = windows.cells(state.pace), state.demand
    newest = int(kept.cell[0].flat[0])
    usual = kept.low if down else kept.high
    level = float(kept.level[row, column])
    first = int(kept.cell[2].flat[0])
    points = []
    for back in range(min(POINTS, RING) - 1, -1, -1):
        at = (newest - back) % RING
        expected = level * float(usual[at, row, column])
        if expected > 0.0:
            end = first - back * pace.cell_ms + pace.cell_ms
            points.append(Point(end, round(float(kept.sold[at, row, column]), 3), round(expected, 3)))
    return points
