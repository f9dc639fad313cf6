"""The detectors of the panel under one hand, for tests: stepped over the same frames, each says p of all nodes.

What a detector is given by others (sums that are whole, expectations) it is given here in the simplest true form.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors import coverage, demand, glut, panel, quote, stockout, supply, univariate
from detectors.coverage import Coverage
from detectors.demand import Demand
from detectors.glut import Glut
from detectors.moment import Moment, moment_of
from detectors.pace import DAY_MS, Pace
from detectors.panel import Frame, Panel
from detectors.quote import Quotes
from detectors.state import Floats, State
from detectors.stockout import Stockout
from detectors.supply import Seen, Supply
from detectors.tree import Tree
from detectors.univariate import Univariate
from tests.detectors.market import FIVE_MINUTES, START

REGIONS: Final = ("330602", "330603", "330702", "330703")
GOODS: Final = ("salt", "rice", "eggs")
SHAPE: Final = (len(REGIONS), len(GOODS))
TREE: Final = Tree.of(REGIONS, GOODS)
MEAN: Final = dict(zip(REGIONS, (12.0, 18.0, 22.0, 28.0), strict=True))
"""sold a period, of every commodity"""
DAILY: Final = Pace.of(DAY_MS)
Look = Callable[[Frame, Moment], Sequence[Floats]]
Feed = list[tuple[int, Frame]]
"""start (ms UTC) of each period, and what was reported"""


@dataclass
class Subject:
    """A detector with its states; ``look`` steps it and gives p of all nodes, or of the first ones."""

    new: "New"
    tree: Tree
    pace: Pace
    states: Sequence[State]
    look: Look
    number: int = 0

    def step(self, start_ms: int, frame: Frame) -> Floats:
        """p (kinds, regions, commodities) of all nodes."""
        self.number += 1
        said = self.look(frame, moment_of(self.number, start_ms, self.pace))
        whole = np.full((len(said), *self.tree.shape), np.nan)
        for to, p in zip(whole, said, strict=True):
            to[: p.shape[0], : p.shape[1]] = p
        return whole

    def restored(self) -> "Subject":
        """Another one, with all that this one knows copied through bytes."""
        other = self.new(self.tree, self.pace)
        other.number = self.number
        for mine, theirs in zip(self.states, other.states, strict=True):
            for name, array in mine.arrays().items():
                setattr(theirs, name, np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape).copy())
        return other


New = Callable[[Tree, Pace], Subject]


def demand_of_wholes(tree: Tree, pace: Pace) -> Subject:
    seen = Coverage.empty(units=tree.leaves, codes=tree.goods)
    state = Demand.empty(units=tree.shape[0], codes=tree.shape[1])

    def look(frame: Frame, now: Moment) -> Sequence[Floats]:
        return demand.step(state, coverage.whole(seen, tree, reported(frame)[0], pace), now, pace)

    return Subject(demand_of_wholes, tree, pace, [seen, state], look)


def prices(tree: Tree, pace: Pace) -> Subject:
    state = Quotes.of(tree)
    states = [state.shelf, state.restlessness]
    return Subject(prices, tree, pace, states, lambda f, now: quote.step(state, reported(f)[1], tree, now, pace))


def stock_outs(tree: Tree, pace: Pace) -> Subject:
    state = Stockout.empty(units=tree.leaves, codes=tree.goods)

    def look(frame: Frame, now: Moment) -> Sequence[Floats]:
        qty, _, stock = reported(frame)
        return [stockout.step(state, qty, stock, now, pace)]

    return Subject(stock_outs, tree, pace, [state], look)


def stock_outs_from_sales(tree: Tree, pace: Pace) -> Subject:
    state = Stockout.empty(units=tree.leaves, codes=tree.goods)

    def look(frame: Frame, now: Moment) -> Sequence[Floats]:
        qty = reported(frame)[0]
        return [stockout.step(state, qty, np.full_like(qty, np.nan), now, pace)]

    return Subject(stock_outs_from_sales, tree, pace, [state], look)


def gluts(tree: Tree, pace: Pace) -> Subject:
    state = Glut.empty(units=tree.leaves, codes=tree.goods)

    def look(frame: Frame, now: Moment) -> Sequence[Floats]:
        qty, price, stock = reported(frame)
        return [glut.step(state, qty, stock, price, now, pace)]

    return Subject(gluts, tree, pace, [state], look)


def interruptions(tree: Tree, pace: Pace) -> Subject:
    state = Supply.empty(units=tree.leaves, codes=tree.goods, slots=pace.slots)

    def look(frame: Frame, now: Moment) -> Sequence[Floats]:
        qty, _, stock = reported(frame)
        nothing = np.full_like(qty, np.nan)
        seen = Seen(qty, usual(tree), nothing, nothing[:, 0], stock, nothing[:, 0], now.drop_lift)
        p = supply.step(state, seen, now, pace).p[:, None]
        return [np.repeat(np.where(np.isnan(p), 1.0, p), tree.goods, axis=1)]

    return Subject(interruptions, tree, pace, [state], look)


def machines(tree: Tree, pace: Pace) -> Subject:
    state = Univariate.empty(units=tree.leaves, codes=tree.goods)

    def look(frame: Frame, now: Moment) -> Sequence[Floats]:
        return univariate.step(state, reported(frame)[0], now.start_ms // FIVE_MINUTES % univariate.SLOTS)

    return Subject(machines, tree, pace, [state], look)


def whole_panel(tree: Tree, pace: Pace) -> Subject:
    whole = Panel.new(tree, pace)

    def look(frame: Frame, now: Moment) -> Sequence[Floats]:
        whole.periods = now.number - 1
        return list(panel.step(whole, frame, now.start_ms).p.values())

    return Subject(whole_panel, tree, pace, list(whole.states().values()), look)


NEWS: Final[dict[str, New]] = {
    "demand": demand_of_wholes,
    "prices": prices,
    "stock-outs": stock_outs,
    "stock-outs from sales": stock_outs_from_sales,
    "gluts": gluts,
    "interruptions": interruptions,
    "univariate": machines,
    "panel": whole_panel,
}


def usual(tree: Tree) -> Floats:
    """What is sold in a period of the feed."""
    return np.repeat([[MEAN.get(region, 20.0)] for region in tree.regions[: tree.leaves]], tree.goods, axis=1)


def reported(frame: Frame) -> tuple[Floats, Floats, Floats]:
    """Quantity, price and stock of a frame that has all three."""
    assert frame.qty is not None
    assert frame.price is not None
    assert frame.stock is not None
    return frame.qty, frame.price, frame.stock


def length(new: New) -> int:
    """Periods until it surely speaks, and some."""
    return univariate.WARM + 40 if new is machines else 48


def calm(new: New) -> list[Frame]:
    """A market that trades around the clock, in which nothing happens."""
    n = length(new)
    rng = np.random.default_rng(1)
    qty = rng.poisson(usual(TREE), (n, *SHAPE)).astype(np.float64)
    moved = rng.random((n, *SHAPE)) < 0.3
    price = 5.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, moved.shape) * moved, axis=0))
    stock = 8.0 * usual(TREE) - usual(TREE) * (np.arange(n) % 7)[:, None, None] + rng.poisson(5.0, moved.shape)
    return [Frame(*of) for of in zip(qty, price, stock, strict=True)]


def hit(new: New) -> list[Frame]:
    """The same, in the last three periods with a rush, a rise of price, an empty and a full shelf, a region cut off."""
    frames = calm(new)
    for frame in frames[-3:]:
        qty, price, stock = reported(frame)
        qty[1, 1] *= 6.0
        price[2, 1] *= 1.5
        qty[0, 2] = stock[0, 2] = 0.0
        stock[2, 2] *= 10.0
        qty[3] *= 0.05
        stock[3] = 0.0
    return frames


def starts(frames: list[Frame], tick_ms: int = DAY_MS, first: int = 0) -> Feed:
    """One period after the other, from the ``first`` on."""
    return [(START + (first + i) * tick_ms, frame) for i, frame in enumerate(frames)]


def changed(frames: list[Frame], change: Callable[[Floats], Floats]) -> list[Frame]:
    """All figures through a function of one array (leaves, goods)."""
    return [Frame(*(change(values) for values in reported(frame))) for frame in frames]


def run(subject: Subject, of: Feed) -> Floats:
    """p (periods, kinds, regions, commodities)."""
    return np.stack([subject.step(*period) for period in of])
