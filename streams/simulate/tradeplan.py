"""What is to be simulated: where, when, how finely, and the shops and goods that this draws."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from streams.regions import regions
from streams.simulate.tradegrid import TradeError, check_size
from streams.simulate.tradetruth import Times
from streams.taxonomy import taxonomy
from streams.world import Floats, Ints

CADENCES: Final = {"5min": 300, "15min": 900, "hourly": 3600, "daily": 86_400, "weekly": 604_800}
"""Seconds of a period"""
REGIONS: Final = ("3301", "3306", "3205", "4201")
DAY_S: Final = 86_400
KINDS: Final = (
    *("panic_buying", "gouge", "price_spike", "stock_out", "supply_interruption"),
    *("promotion", "turnover", "gap", "doubled", "slip"),
)
"""Events, and after them controls: what looks like an event and is none"""
_EPOCH: Final = date(1970, 1, 1)
_TURNOVER: Final = 0.1
"""Share of the shops that open, and of those that close, within the time"""


@dataclass(frozen=True, slots=True)
class Plan:
    """One request; the same plan gives the same trade.

    Raises TradeError where a value is none that can be simulated.
    """

    days: int = 365
    cadence: str = "daily"
    seed: int = 1
    regions: tuple[str, ...] = REGIONS
    """division codes of 2, 4 or 6 digits; all counties below them trade"""
    start: date = date(2023, 1, 2)
    shops_per_county: int = 3
    goods: int = 12
    events: tuple[str, ...] = KINDS
    """what happens, of ``KINDS``; empty: a clean background"""

    def __post_init__(self) -> None:
        """Check what arithmetic would not."""
        if self.cadence not in CADENCES:
            raise TradeError(f"cadence: expected one of {', '.join(CADENCES)}, got {self.cadence!r}")
        unknown = [kind for kind in self.events if kind not in KINDS]
        if unknown:
            raise TradeError(f"events: expected any of {', '.join(KINDS)}, got {', '.join(unknown)}")
        for name in ("days", "shops_per_county", "goods"):
            if getattr(self, name) < 1:
                raise TradeError(f"{name}: expected at least 1, got {getattr(self, name)}")
        for code in self.regions:
            if not any(c.startswith(code) for c in regions() if len(c) == 6) or not code:
                raise TradeError(f"regions: expected division codes with counties below them, got {code!r}")
        check_size(len(self.counties()) * self.shops_per_county, self.goods, len(self.times()))

    def counties(self) -> tuple[str, ...]:
        """Codes of all counties that trade, rising."""
        return tuple(sorted(c for c in regions() if len(c) == 6 and c.startswith(self.regions)))

    def commodities(self) -> tuple[str, ...]:
        """The first ``goods`` commodities of four digits, those named for emergencies first."""
        found = [c for c in taxonomy().values() if len(c.code) == 4]
        ranked = sorted(found, key=lambda c: (not c.emergency, not c.monitored, c.code))
        return tuple(sorted(c.code for c in ranked[: self.goods]))

    def times(self) -> Times:
        """Starts of the periods at which trade is drawn: days where the cadence is a week. (T,) local."""
        step = min(CADENCES[self.cadence], DAY_S)
        first = np.datetime64(self.start, "s")
        return first + np.arange(self.days * DAY_S // step) * np.timedelta64(step, "s")

    def day_numbers(self) -> Ints:
        """Local days since 1970, (days,)."""
        return (self.start - _EPOCH).days + np.arange(self.days)

    @property
    def per_day(self) -> int:
        """Periods of ``times`` in a day."""
        return DAY_S // min(CADENCES[self.cadence], DAY_S)

    def rng(self, stream: int) -> np.random.Generator:
        """Random numbers of one concern, so that none depends on how many another has drawn."""
        return np.random.default_rng([self.seed, 77, stream])


@dataclass(frozen=True, slots=True)
class Shops:
    """One row a shop, by rising county."""

    county: Ints
    """index into ``Plan.counties``"""
    chain: Ints
    size: Floats
    opens: Ints
    """number of the first period of trade"""
    closes: Ints
    """number of the period after the last"""


@dataclass(frozen=True, slots=True)
class Goods:
    """One row a commodity."""

    rate: Floats
    """units that a shop of the usual size sells on a usual day"""
    price: Floats
    """yuan"""
    festive: Floats
    """how strongly the calendar moves it; the usual is 1"""
    elasticity: Floats
    """log demand a log price cut"""
    weekend: Floats
    """log lift of Saturday and Sunday"""


def make_shops(plan: Plan) -> Shops:
    """Draw the shops."""
    rng, periods = plan.rng(0), len(plan.times())
    county = np.repeat(np.arange(len(plan.counties())), plan.shops_per_county)
    count = len(county)
    turn = rng.random(count)
    when = rng.integers(periods // 3, max(periods // 3 + 1, periods * 9 // 10), count)
    turnover = _TURNOVER if "turnover" in plan.events else 0.0
    return Shops(
        county=county,
        chain=rng.integers(0, 6, count),
        size=np.exp(rng.normal(0.0, 0.5, count)),
        opens=np.where(turn < turnover, when, 0),
        closes=np.where(turn > 1 - turnover, when, periods),
    )


def make_goods(plan: Plan) -> Goods:
    """Draw the commodities."""
    rng, count = plan.rng(1), plan.goods
    return Goods(
        rate=np.exp(rng.normal(3.3, 0.8, count)),
        price=np.exp(rng.normal(2.0, 0.7, count)),
        festive=rng.uniform(0.4, 1.4, count),
        elasticity=rng.uniform(1.5, 3.0, count),
        weekend=rng.uniform(0.05, 0.35, count),
    )
