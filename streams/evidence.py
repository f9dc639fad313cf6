"""What stands behind an alert: what was seen and expected, who and what is concerned, and which rules it meets."""

from typing import Literal

import msgspec


class Names(msgspec.Struct, frozen=True):
    """A name in both languages."""

    zh: str
    en: str


class Point(msgspec.Struct, frozen=True):
    """One period of a series; ``at`` is its end, ms UTC."""

    at: int
    observed: float
    expected: float


class Contribution(msgspec.Struct, frozen=True):
    """How much of the deviation one commodity makes up."""

    commodity: str
    share: float
    """of the sum of observed minus expected, 0 to 1"""
    ratio: float
    """observed by expected"""
    name: Names = Names("", "")
    """filled in where an alert is made of it"""


class Measured(msgspec.Struct, frozen=True):
    """One hit region and commodity with the measures that rules ask for; see ``detectors/rulebook_measures.py``."""

    region: str
    commodity: str
    measures: dict[str, float]


class Explanation(msgspec.Struct, frozen=True):
    """Something else that would explain it, and whether it does."""

    cause: Literal["festival", "promotion", "feed_fault"]
    explains: bool
    why: Names


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """Counts and sums, never a shop's or an enterprise's name. Whatever is not known is left at its default."""

    observed: float = 0.0
    """quantity a day in base units, or the mean price relative (1.0: as usual)"""
    expected: float = 0.0
    low: float | None = None
    """the band in which nine of ten periods lie when nothing is wrong"""
    high: float | None = None
    series: list[Point] = []
    """the last window, oldest first"""
    first_sign: int = 0
    """ms UTC; 0: not known"""
    shops: int = 0
    """a lower bound, as in UnitReading"""
    chains: int = 0
    """enterprises, an estimate (streams/chains.py) of the place with the most; 0: not known"""
    counties: int = 0
    commodities: list[Contribution] = []
    """the largest share first"""
    price_ratio: float | None = None
    """the price beside it, by the usual one"""
    run: int = 0
    """days (periods, where these are longer) in a row on which the price moved that way, up to now; 0: not known"""
    stock_ratio: float | None = None
    """the stock beside it, by the usual one"""
    false_share: float | None = None
    """of what was found of late and is as rare, the share that is expected to be false"""
    otherwise: list[Explanation] = []
    measured: list[Measured] = []
    """what the rules were asked of"""


class Ruling(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one rulebook says of an alert."""

    rulebook: str
    """name and version"""
    level: Literal["I", "II", "III", "IV"]
    clause: str
    """the clause that gave the level"""
    held: list[str] = []
    """all clauses that hold, in the order of the book"""
    spread: dict[str, float] = {}
    """the measures of the incident as a whole in this book's jurisdiction"""
