"""The panel: all detectors of one period over all nodes, in their order, and what they say of each.

The backtest feeds it periods of its input, the stream bars of an hour of a city. Nothing here knows which.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from detectors import (
    adjacency,
    amplitude,
    coverage,
    demand,
    discovery,
    festivals,
    glut,
    neighbourhood,
    quote,
    rarity,
    stockout,
    supply,
    univariate,
    yearly,
)
from detectors.adjacency import Centres
from detectors.almanac import PLAIN, Lift
from detectors.amplitude import Amplitude
from detectors.coverage import Coverage
from detectors.demand import Demand
from detectors.discovery import Discovery
from detectors.glut import Glut
from detectors.jump import Judged, Restlessness
from detectors.moment import Moment, moment_of
from detectors.neighbourhood import Circles, Find, Neighbourhood
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.quote import Quotes
from detectors.rarity import Rarity
from detectors.relative import Shelf
from detectors.state import Floats, Ints, State
from detectors.stockout import Stockout
from detectors.supply import Seen, Supply, Verdict
from detectors.tree import Tree
from detectors.univariate import Univariate
from detectors.yearly import Yearly
from streams.records import Kind
from streams.ticks import CHINA_MS

KINDS: Final[tuple[Kind, ...]] = ("demand_surge", "demand_drop", "price_spike", "price_drop", "stock_out")
"""What is scored of each node and period."""
CONDITIONS: Final[tuple[Kind, ...]] = ("glut", "supply_interruption")
"""What is judged of a whole situation; raised, but not among the scored observations."""
_GROUPS: Final = KINDS + CONDITIONS
"""Kinds whose rarity is known each by its own past, in this order; behind them what circles of neighbours show."""
_CIRCLES: Final = len(_GROUPS)
Chances = dict[Kind, Floats]


class Frame(NamedTuple):
    """What was reported of one period, each (leaves, goods) with NaN where nothing was; None: never in this input."""

    qty: Floats | None = None
    price: Floats | None = None
    stock: Floats | None = None
    heard: Floats | None = None
    """(leaves,): share of the terminals that told of the period, NaN where not known; None: never in this input"""


class Verdicts(NamedTuple):
    """Of one period, by kind and node, float64 (regions, commodities), NaN where nothing was judged."""

    p: Chances
    recurrence: Chances
    """days: how often chance alone says as much anywhere in the tree"""
    verdicts: npt.NDArray[np.int8] | None = None
    """(leaves,) of ``supply.Verdict``; None: not judged"""
    finds: Sequence[Find] = ()
    """circles of neighbouring regions that stand out"""
    reasons: npt.NDArray[np.int8] | None = None
    """(leaves,) of ``supply.Reason``, why each verdict"""


@dataclass(slots=True)
class Panel:
    """The states of the detectors over one tree."""

    tree: Tree
    pace: Pace
    coverage: Coverage
    demand: Demand
    amplitude: Amplitude
    quotes: Quotes
    stockout: Stockout
    glut: Glut
    supply: Supply
    rarity: Rarity
    discovery: Discovery
    yearly: Yearly
    circles: Circles
    neighbourhood: Neighbourhood
    periods: int = 0
    """periods stepped"""
    lift: Lift = PLAIN
    """what festivals explain of the last period at most, log"""
    univariate: Univariate | None = None
    """where values are metrics and no trade: then nothing else judges"""
    reporting: Floats | None = None
    """(regions,): who reported the last quantities, by those who usually do; not kept across a restart"""
    judged: Judged | None = None
    """what stands behind the last prices; not kept across a restart"""

    @classmethod
    def new(cls, tree: Tree, pace: Pace, *, metrics: bool = False, centres: Centres | None = None) -> Self:
        """A panel that knows nothing; for ``metrics`` of any kind (no counts, no week, no festivals) or for trade.

        ``centres``: where regions lie, beside the division codes of which it is known.
        """
        units, codes = tree.shape
        return cls(
            tree,
            pace,
            Coverage.empty(units=tree.leaves, codes=tree.goods),
            Demand.empty(units=units, codes=codes),
            Amplitude.empty(units=units, codes=codes),
            Quotes(Shelf.empty(leaves=tree.leaves, goods=tree.goods), Restlessness.empty(units=units, codes=codes)),
            Stockout.empty(units=tree.leaves, codes=tree.goods),
            Glut.empty(units=tree.leaves, codes=tree.goods),
            Supply.empty(units=tree.leaves, codes=tree.goods, slots=pace.slots),
            Rarity.empty(groups=len(_GROUPS) + 1),
            Discovery.empty(groups=len(_GROUPS) + 1),
            Yearly.empty(units=tree.leaves, codes=tree.goods),
            Circles.of(tree, {**adjacency.centres(), **(centres or {})}),
            Neighbourhood.empty(units=tree.leaves, codes=codes),
            univariate=Univariate.empty(units=tree.leaves, codes=tree.goods) if metrics else None,
        )

    def states(self) -> dict[str, State]:
        """All states by name."""
        return {
            "coverage": self.coverage,
            "demand": self.demand,
            "amplitude": self.amplitude,
            "shelf": self.quotes.shelf,
            "restlessness": self.quotes.restlessness,
            "stockout": self.stockout,
            "glut": self.glut,
            "supply": self.supply,
            "rarity": self.rarity,
            "discovery": self.discovery,
            "yearly": self.yearly,
            "neighbourhood": self.neighbourhood,
        }


def step(state: Panel, frame: Frame, start_ms: int) -> Verdicts:
    """Take in one period that starts at ``start_ms`` (UTC), in place."""
    pace, tree = state.pace, state.tree
    now = _moment(state, start_ms)
    state.periods += 1
    p: Chances = {}
    verdicts = reasons = None
    if state.univariate is not None:
        p = _metrics(state.univariate, tree, frame, start_ms)
        return Verdicts(p, _rarities(state, p)[0])
    finds: list[Find] = []
    tried = 0
    if frame.qty is not None:
        state.reporting = coverage.share(state.coverage, tree, frame.qty, frame.heard)
        usual = demand.expected(state.demand, now, pace)
        p |= _demand(state, frame.qty, usual, now)
        if pace.tick_ms >= HOUR_MS:
            verdicts, reasons, p["supply_interruption"] = _supply(state, frame, usual, p["demand_drop"], now)
        finds, tried = neighbourhood.step(state.neighbourhood, state.circles, state.demand, tree, pace)
    if frame.price is not None:
        state.judged = quote.read(state.quotes, frame.price, tree, now, pace)
        coverage.see(state.coverage, frame.price)
        yearly.take(state.yearly, frame.price, now.day)
        several = tree.plural(state.coverage.seen)
        p["price_spike"], p["price_drop"] = (np.where(several, state.judged.p[side], np.nan) for side in (0, 1))
    if frame.qty is not None or frame.stock is not None:
        p["stock_out"] = _over_given(tree, _stock_outs(state, frame, now))
        p["glut"] = _over_given(tree, _gluts(state, frame, now))
    days, finds = _rarities(state, p, finds, tried)
    return Verdicts(p, days, verdicts, finds, reasons)


def _metrics(state: Univariate, tree: Tree, frame: Frame, start_ms: int) -> Chances:
    values = next(v for v in (frame.qty, frame.price, frame.stock) if v is not None)
    slot = (start_ms + CHINA_MS) % DAY_MS * univariate.SLOTS // DAY_MS
    sides = univariate.step(state, values, slot)
    return {"demand_surge": _over_given(tree, sides.up), "demand_drop": _over_given(tree, sides.down)}


def _moment(state: Panel, start_ms: int) -> Moment:
    now = moment_of(state.periods, start_ms, state.pace)
    lift = festivals.lift_over(now.day, max(1, round(state.pace.tick_ms / DAY_MS)))
    return now._replace(surge_lift=lift.surge, drop_lift=lift.drop)


def _demand(state: Panel, qty: Floats, usual: Floats, now: Moment) -> Chances:
    pace = state.pace
    whole = coverage.whole(state.coverage, state.tree, qty, pace)
    band = None
    state.lift = Lift(now.surge_lift, now.drop_lift)
    if pace.tick_ms <= DAY_MS:
        band = amplitude.lift(state.amplitude, now.day)
        # The festivals as this data knows them decide which days teach nothing.
        state.lift = Lift(float(band.surge.max()), float(band.drop.min()))
        now = now._replace(surge_lift=state.lift.surge, drop_lift=state.lift.drop)
        amplitude.step(state.amplitude, whole, usual, now)
    sides = demand.step(state.demand, whole, now, pace, state.tree, band)
    return {"demand_surge": sides.up, "demand_drop": sides.down}


def _supply(
    state: Panel, frame: Frame, usual: Floats, drop: Floats, now: Moment
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8], Floats]:
    """Verdicts on the given regions, why, and p of an interruption: that of a region stands at all its goods."""
    tree = state.tree
    qty, stock, _ = _given(tree, frame)
    rows, goods = tree.leaves, tree.goods
    seen = Seen(
        observed=qty,
        expected=usual[:rows, :goods],
        drop_p=drop[:rows, :goods],
        total_p=drop[:rows, -1],
        stock=stock,
        heard=np.full(rows, np.nan) if frame.heard is None else frame.heard,
        drop_lift=now.drop_lift,
    )
    said = supply.step(state.supply, seen, now, state.pace)
    p = np.full(tree.shape, np.nan)
    broken = said.verdict == Verdict.SUPPLY_INTERRUPTION
    p[:rows, -1] = np.where(broken, said.p, 1.0)
    return said.verdict, said.reason, p


def _stock_outs(state: Panel, frame: Frame, now: Moment) -> Floats:
    qty, stock, _ = _given(state.tree, frame)
    return stockout.step(state.stockout, qty, stock, now, state.pace)


def _gluts(state: Panel, frame: Frame, now: Moment) -> Floats:
    return glut.step(state.glut, *_given(state.tree, frame), now, state.pace)


def _given(tree: Tree, frame: Frame) -> tuple[Floats, Floats, Floats]:
    """Quantity, stock and price, NaN where the input has none."""
    nothing = np.full((tree.leaves, tree.goods), np.nan)
    qty, stock, price = (nothing if a is None else a for a in (frame.qty, frame.stock, frame.price))
    return qty, stock, price


def _over_given(tree: Tree, given: Floats) -> Floats:
    """The same among all nodes, of which the sums are not judged."""
    p = np.full(tree.shape, np.nan)
    p[: tree.leaves, : tree.goods] = given
    return p


def _rarities(
    state: Panel, p: Mapping[Kind, Floats], finds: Sequence[Find] = (), tried: int = 0
) -> tuple[Chances, list[Find]]:
    """Days of each node's and find's p, by what the smallest p of each group has been; then this period is counted."""
    every = np.full((len(_GROUPS) + 1, state.tree.shape[0] * state.tree.shape[1]), np.nan)
    for row, kind in enumerate(_GROUPS):
        if kind in p:
            every[row] = p[kind].ravel()
    every[_CIRCLES, : len(finds)] = [find.p for find in finds]
    tests: Ints = (~np.isnan(every)).sum(axis=1)
    tests[_CIRCLES] = tried
    days = rarity.recurrence(state.rarity, every, tests, state.pace)
    # Conditions come about so seldom by chance that they need no part of what is promised of all kinds together.
    groups, conditions = int((tests > 0).sum()), int((tests[len(KINDS) : _CIRCLES] > 0).sum())
    days = np.minimum(days * (groups / max(groups - conditions, 1)), rarity.MOST_DAYS)
    rarity.learn(state.rarity, np.fmin.reduce(every, axis=1), tests, state.pace)
    discovery.learn(state.discovery, np.fmax.reduce(days, axis=1), state.pace)
    rated = [find._replace(days=float(of)) for find, of in zip(finds, days[_CIRCLES], strict=False)]
    return {kind: days[i].reshape(state.tree.shape) for i, kind in enumerate(_GROUPS) if kind in p}, rated
