"""What happens in simulated trade: rushes, dear prices, empty shelves, and what only looks like them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from streams.simulate.tradeplan import Plan, Shops
from streams.simulate.tradeshape import SHAPES, multipliers
from streams.simulate.tradetruth import CONTROL, Happening
from streams.world import Bools, Floats, Ints

RUSHES: Final = (1.3, 1.6, 2.0, 3.0, 5.0)
DEAR: Final = (1.1, 1.2, 1.5, 2.0)
FRACTIONS: Final = (0.3, 0.6, 1.0)
_DAYS_APART: Final = 90
"""Days of a year's trade for each event of one kind"""
_QUIET: Final = 0.25
"""Nothing happens in the first share of the time"""
_COUNTY_LAG_DAYS: Final = 0.5
"""Mean time after which a rush reaches the next county"""


@dataclass
class Effects:
    """What the events do, all (shops, commodities, T)."""

    demand: Floats
    price: Floats
    cut_off: Bools
    emptied: Bools
    happenings: list[Happening] = field(default_factory=list)

    @classmethod
    def none(cls, shape: tuple[int, int, int]) -> "Effects":
        """Nothing happens."""
        return cls(np.ones(shape), np.ones(shape), np.zeros(shape, np.bool_), np.zeros(shape, np.bool_))


class _Stage:
    """Where the next event can take place: a city at a time, never two at once in one."""

    def __init__(self, plan: Plan, shops: Shops, effects: Effects) -> None:
        self.plan, self.shops, self.effects = plan, shops, effects
        self.rng = plan.rng(7)
        self.periods = effects.demand.shape[-1]
        self.counties = np.array(plan.counties())
        self.codes = plan.commodities()
        city = np.array([c[:4] for c in self.counties.tolist()])
        self.cities = sorted(set(city.tolist()))
        self.city_of_shop = city[shops.county]
        self.taken: list[tuple[str, int, int]] = []

    def place(self, days: tuple[int, int]) -> tuple[str, int, int] | None:
        """City, first and last period of an event of so many days; None where there is no room."""
        pace = self.plan.per_day
        for _ in range(50):
            length = int(self.rng.integers(days[0], days[1] + 1)) * pace
            first = int(self.periods * _QUIET)
            if first + length >= self.periods:
                return None
            start = int(self.rng.integers(first, self.periods - length))
            city = str(self.rng.choice(self.cities))
            near = 14 * pace
            if all(c != city or start > b + near or start + length < a - near for c, a, b in self.taken):
                self.taken.append((city, start, start + length))
                return city, start, start + length - 1
        return None

    def some(self, among: Ints, fraction: float) -> Ints:
        """A share of these shops, one at least."""
        return np.sort(self.rng.choice(among, max(1, round(fraction * len(among))), replace=False))

    def goods(self, most: int) -> Ints:
        """Some commodities."""
        return np.sort(self.rng.choice(len(self.codes), int(self.rng.integers(1, most + 1)), replace=False))

    def tell(self, kind: str, span: tuple[int, int], shops: Ints, goods: Ints, **more: object) -> None:
        """Note what has happened to these shops and goods."""
        counties = tuple(sorted(set(self.counties[self.shops.county[shops]].tolist())))
        names = ("*",) if len(goods) == len(self.codes) else tuple(self.codes[g] for g in goods)
        self.effects.happenings.append(Happening(kind, *span, counties, names, **more))  # type: ignore[arg-type]


def make_effects(plan: Plan, shops: Shops, shape: tuple[int, int, int]) -> Effects:
    """Draw what ``plan.events`` names: one of each kind in 90 days, one at least where there is room."""
    effects = Effects.none(shape)
    stage = _Stage(plan, shops, effects)
    # By rounds, so that none of the kinds takes all the room.
    for _ in range(max(1, plan.days // _DAYS_APART)):
        for kind in plan.events:
            if kind in _MAKERS:
                _MAKERS[kind](stage)
    return effects


def _rush(stage: _Stage) -> None:
    """Panic buying that goes from county to county of a city."""
    placed = stage.place((3, 10))
    if placed is None:
        return
    city, first, last = placed
    shape, size = str(stage.rng.choice(SHAPES)), float(stage.rng.choice(RUSHES))
    fraction = float(stage.rng.choice(FRACTIONS))
    goods = stage.goods(len(stage.codes))
    hit = stage.some(np.flatnonzero(stage.city_of_shop == city), fraction)
    counties = stage.rng.permutation(np.unique(stage.shops.county[hit]))
    lags = np.cumsum(stage.rng.exponential(_COUNTY_LAG_DAYS * stage.plan.per_day, len(counties))).astype(np.int64)
    lags = np.minimum(lags - lags[0], (last - first) // 2)
    for county, lag in zip(counties.tolist(), lags.tolist(), strict=True):
        rows = hit[stage.shops.county[hit] == county]
        curve = multipliers(shape, size, last - first + 1 - lag)
        stage.effects.demand[np.ix_(rows, goods, np.arange(first + lag, last + 1))] *= curve
    label = f"{shape} x{size:g}, county by county"
    stage.tell("panic_buying", (first, last), hit, goods, size=size, shape=shape, fraction=fraction, label=label)


def _dear(stage: _Stage, one_chain: bool) -> None:
    placed = stage.place((7, 14))
    if placed is None:
        return
    city, first, last = placed
    size, shape = float(stage.rng.choice(DEAR)), str(stage.rng.choice(SHAPES[:2]))
    hit = np.flatnonzero(stage.city_of_shop == city)
    if one_chain:
        chain = stage.rng.choice(stage.shops.chain[hit])
        hit = hit[stage.shops.chain[hit] == chain]
    goods = stage.goods(1 if one_chain else 4)
    stage.effects.price[np.ix_(hit, goods, np.arange(first, last + 1))] *= multipliers(shape, size, last - first + 1)
    share = len(hit) / max(1, int((stage.city_of_shop == city).sum()))
    label = f"{'one chain' if one_chain else 'whole market'}, {shape} x{size:g}"
    stage.tell("price_spike", (first, last), hit, goods, size=size, shape=shape, fraction=round(share, 3), label=label)


def _empty(stage: _Stage) -> None:
    """One good is nowhere to be had."""
    placed = stage.place((2, 6))
    if placed is None:
        return
    city, first, last = placed
    fraction = float(stage.rng.choice(FRACTIONS))
    hit, goods = stage.some(np.flatnonzero(stage.city_of_shop == city), fraction), stage.goods(1)
    stage.effects.emptied[np.ix_(hit, goods, np.arange(first, last + 1))] = True
    stage.tell("stock_out", (first, last), hit, goods, size=0.0, fraction=fraction, label="shelves empty")


def _interruption(stage: _Stage) -> None:
    """No lorry reaches a city: what it has is sold, then nothing."""
    placed = stage.place((6, 12))
    if placed is None:
        return
    city, first, last = placed
    hit, goods = np.flatnonzero(stage.city_of_shop == city), np.arange(len(stage.codes))
    stage.effects.cut_off[np.ix_(hit, goods, np.arange(first, last + 1))] = True
    stage.tell("supply_interruption", (first, last), hit, goods, size=0.0, shape="ramp", label="no deliveries")


def _promotion(stage: _Stage) -> None:
    """One chain cuts the price of some goods in a city, and sells more of them."""
    placed = stage.place((3, 7))
    if placed is None:
        return
    city, first, last = placed
    hit = np.flatnonzero(stage.city_of_shop == city)
    hit = hit[stage.shops.chain[hit] == stage.rng.choice(stage.shops.chain[hit])]
    goods, cut = stage.goods(3), float(stage.rng.uniform(0.7, 0.85))
    at = np.ix_(hit, goods, np.arange(first, last + 1))
    lift = cut**-2.0
    stage.effects.price[at] *= cut
    stage.effects.demand[at] *= lift
    label = f"promotion, price x{cut:.2f}"
    stage.tell("panic_buying", (first, last), hit, goods, size=round(lift, 2), role=CONTROL, label=label)


_MAKERS: Final[dict[str, Callable[[_Stage], None]]] = {
    "panic_buying": _rush,
    "gouge": lambda stage: _dear(stage, one_chain=True),
    "price_spike": lambda stage: _dear(stage, one_chain=False),
    "stock_out": _empty,
    "supply_interruption": _interruption,
    "promotion": _promotion,
}
