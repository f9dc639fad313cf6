"""Backgrounds with known truth, and what each method says of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from detectors.tree import Tree
from streams.simulate.trade import make_trade
from streams.simulate.tradegrid import Grid
from streams.simulate.tradeinjection import Design, inject
from streams.simulate.tradeplan import Plan
from streams.simulate.tradetruth import Happening
from streams.world import Floats
from tests.bench.detection import baselines
from tests.bench.detection.scoring import Clock, Signals
from tests.bench.detection.trees import half_space_trees

_LEARN: Final = 0.3
BASELINES: Final = ("EARS C1", "EARS C2", "EARS C3", "NB-CUSUM", "HalfSpaceTrees", "Poisson scan")
_FOR_PRICES: Final = BASELINES[:3]


@dataclass(frozen=True, slots=True)
class Case:
    """One clean background and the same with injections."""

    name: str
    clean: Grid
    files: list[tuple[Grid, list[Happening]]]
    measure: str

    @property
    def clock(self) -> Clock:
        """Periods of the background."""
        return Clock(self.clean.per_day, int(_LEARN * len(self.clean.times)))

    @property
    def kind(self) -> str:
        """The kind of signal that must find the injections."""
        return "demand_surge" if self.measure == "qty" else "price_spike"

    @property
    def methods(self) -> tuple[str, ...]:
        """The baselines that can be asked."""
        return BASELINES if self.measure == "qty" else _FOR_PRICES

    def fewer(self, files: int) -> "Case":
        """With the first files only."""
        return replace(self, files=self.files[:files])


def make_cases(files: int, seed: int = 1) -> list[Case]:
    """Counties by the day and by the hour, and their prices by the day; ``files`` injected files each."""
    daily = make_trade(Plan(days=540, regions=("3301", "3306"), goods=6, events=(), seed=seed)).grid
    hourly = make_trade(Plan(days=110, cadence="hourly", regions=("3306",), goods=4, events=(), seed=seed + 1)).grid
    cases = []
    for name, grid, measure in (
        ("counties, daily", daily, "qty"),
        ("counties, hourly", hourly, "qty"),
        ("prices, daily", daily, "price"),
    ):
        only = Grid(grid.times, grid.regions, grid.commodities, {measure: grid.values[measure]})
        cases.append(Case(name, only, inject(only, Design(files=files, after=_LEARN, seed=seed)), measure))
    return cases


def run_baseline(case: Case, name: str) -> tuple[Signals, list[Signals]]:
    """p of a baseline on the clean background and on each injected file."""
    tree = Tree.of(case.clean.regions, case.clean.commodities)
    grids = [case.clean, *(grid for grid, _ in case.files)]
    stacked = np.stack([np.moveaxis(grid.values[case.measure], -1, 0) for grid in grids])
    if case.measure == "price":
        # Prices have no sums: each series speaks for itself.
        keys = [(r, c) for r in case.clean.regions for c in case.clean.commodities]
        values = np.log(stacked)
    else:
        keys = [(r, c) for r in tree.regions for c in tree.commodities]
        values = tree.rise(stacked)
    p = _p(name, values.reshape(*values.shape[:2], -1), max(1, round(case.clean.per_day)))
    found = [Signals(tuple(keys), one) for one in p]
    return found[0], found[1:]


def _p(name: str, values: Floats, per_day: int) -> Floats:
    simple = {"EARS C1": baselines.ears_c1, "EARS C2": baselines.ears_c2, "EARS C3": baselines.ears_c3}
    if name in simple:
        return simple[name](values, per_day)
    mean = baselines.expected(values, per_day, 7 * per_day)
    method = {
        "NB-CUSUM": baselines.nb_cusum,
        "HalfSpaceTrees": half_space_trees,
        "Poisson scan": baselines.poisson_scan,
    }[name]
    return method(values, mean, per_day)


def pairs(case: Case, runs: Sequence[Signals]) -> list[tuple[Signals, list[Happening]]]:
    """Each run with the truth of its file."""
    return [(signals, told) for signals, (_, told) in zip(runs, case.files, strict=True)]
