"""The simulated market: shops, chains and goods as frozen arrays, drawn from a seed, so that the truth is known.

It stands still: what is sold when is ``streams.simulate``'s. Chains, brands and goods are invented; counties are real.
"""

import csv
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from streams.records import Mapping, TerminalRecord
from streams.regions import regions
from streams.taxonomy import node

CITIES: Final = (
    *("3301", "3302", "3304", "3306"),
    *("3205", "3206", "3207", "3209"),
    *("3501", "3502", "3503", "3505"),
)
"""Four cities each of Zhejiang, Jiangsu and Fujian. Shaoxing, 3306, is neither a capital nor separately planned."""

COUNTIES_PER_CITY: Final = 4

CHAINS: Final[tuple[tuple[str, tuple[str, ...], str], ...]] = (
    ("chain-01", ("33", "32", "35"), "kg"),
    ("chain-02", ("33", "32"), "斤"),
    ("chain-03", ("33",), "斤"),
    ("chain-04", ("33",), "kg"),
    ("chain-05", ("32",), "斤"),
    ("chain-06", ("35",), "kg"),
    ("chain-07", ("3301", "3306"), "斤"),
    ("chain-08", ("3302", "3304"), "kg"),
    ("chain-09", ("3205", "3206"), "斤"),
    ("chain-10", ("3207", "3209"), "kg"),
    ("chain-11", ("3501", "3505"), "斤"),
    ("chain-12", ("3502", "3503"), "kg"),
)
"""Enterprise, the regions where it has shops, and the unit on its price tags for loose goods."""

LINES_PER_DAY: Final = 250.0
"""Sale lines of a shop of the usual size on a weekday."""

_CORE_POPULARITY: Final = 1.0
_GTIN_PREFIX: Final = "6999"

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Skus:
    """One row a chain and good: what the chain calls it. All arrays have the same length."""

    enterprise: Ints
    """index into ``World.enterprises``"""
    code: Texts
    """the commodity, by the taxonomy"""
    sku: Texts
    name: Texts
    spec: Texts
    unit: Texts
    brand: Texts
    origin: Texts
    content: Ints
    """g, ml or thousandths of a piece in a pack; 0: loose"""
    portion: Ints
    """thousandths of ``unit`` that a customer usually takes of loose goods; 0: a pack"""
    price: Ints
    """usual price of one unit, fen"""
    popularity: Floats
    """relative share of the lines"""
    necessity: Bools
    """monitored and named for emergencies by the taxonomy: its price and stock are reported every day"""
    listed: Bools
    """known to the registry and sold from the first; False: a novelty that no mapping knows"""


@dataclass(frozen=True, slots=True)
class Shops:
    """One row a shop and terminal, by rising county."""

    terminal_id: Texts
    county: Texts
    enterprise: Ints
    size: Floats
    """sales against the usual shop's; the mean is 1"""
    late: Bools
    """closes at 22 instead of 21 h local time"""


@dataclass(frozen=True, slots=True)
class Shelves:
    """One row a shop and SKU that it keeps, by rising shop."""

    shop: Ints
    sku: Ints
    rate: Floats
    """sale lines expected on a weekday without events"""
    price: Ints
    """this shop's usual price of one unit, fen"""


@dataclass(frozen=True, slots=True)
class World:
    """The whole market."""

    seed: int
    enterprises: tuple[str, ...]
    skus: Skus
    shops: Shops
    shelves: Shelves

    def terminals(self) -> list[TerminalRecord]:
        """Registry records of all terminals."""
        rows = zip(self.shops.terminal_id.tolist(), self.shops.enterprise.tolist(), self.shops.county, strict=True)
        return [TerminalRecord(t, self.enterprises[e], str(c)) for t, e, c in rows]

    def mappings(self) -> dict[str, list[Mapping]]:
        """SKU mappings by enterprise. Novelties are left out: nobody has mapped them yet."""
        known: dict[str, list[Mapping]] = {name: [] for name in self.enterprises}
        k = self.skus
        for i in np.flatnonzero(k.listed).tolist():
            mapping = Mapping(str(k.sku[i]), str(k.code[i]), unit=str(k.unit[i]), content=int(k.content[i]))
            known[self.enterprises[int(k.enterprise[i])]].append(mapping)
        return known


T = TypeVar("T", Skus, Shops, Shelves)


def make_world(seed: int, shops: int = 240) -> World:
    """Draw a market of ``shops`` shops, spread evenly over 48 counties (12 cities, 3 coastal provinces).

    The same seed and number give the same world. Raises ValueError for less than one shop.
    """
    if shops < 1:
        raise ValueError(f"shops: expected at least 1, got {shops}")
    rng = np.random.default_rng([seed, 0])
    skus = _freeze(_draw_skus(rng))
    places = _freeze(_draw_shops(rng, shops))
    return World(seed, tuple(c[0] for c in CHAINS), skus, places, _freeze(_draw_shelves(rng, skus, places)))


def counties() -> list[str]:
    """The counties of the market: the first four of each city by code."""
    codes = sorted(c for c in regions() if len(c) == 6)
    return [c for city in CITIES for c in [c for c in codes if c.startswith(city)][:COUNTIES_PER_CITY]]


def gtin13(digits: str) -> str:
    """Twelve digits with the check digit of GTIN-13 (GS1: weights 1, 3, 1, 3 … from the left)."""
    total = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits))
    return f"{digits}{-total % 10}"


@cache
def _goods() -> tuple[dict[str, str], ...]:
    with (files("streams") / "data" / "goods.csv").open(encoding="utf-8") as lines:
        return tuple(csv.DictReader(lines))


def _draw_skus(rng: np.random.Generator) -> Skus:
    """Each chain lists all popular goods, salt and the novelties, and most of the others."""
    rows: list[tuple[Any, ...]] = []
    for chain, (_, _, tag_unit) in enumerate(CHAINS):
        level = rng.normal(1.0, 0.03)
        for number, good in enumerate(_goods()):
            novelty = good["new"] == "1"
            core = float(good["popularity"]) >= _CORE_POPULARITY or good["code"] == "1001" or novelty
            listed, dearness = rng.random() < 0.7, level * rng.normal(1.0, 0.02)
            if listed or core:
                rows.append(_sku(chain, number, good, tag_unit, dearness))
    columns = list(zip(*rows, strict=True))
    kinds = (np.int64, *(np.str_,) * 7, *(np.int64,) * 3, np.float64, np.bool_, np.bool_)
    return Skus(*(np.array(c, dtype=k) for c, k in zip(columns, kinds, strict=True)))


def _sku(chain: int, number: int, good: dict[str, str], tag_unit: str, dearness: float) -> tuple[Any, ...]:
    loose = good["content"] == "0"
    # A price tag in 斤 (500 g) shows half of the price of a kg, and the till counts in 斤 as well.
    per_kg = 2 if loose and tag_unit == "斤" else 1
    price = int(good["price_fen"]) * dearness / per_kg
    branded = bool(good["brand"])
    return (
        chain,
        good["code"],
        # A brand's goods carry one GTIN everywhere; loose and own goods the chain's own code.
        gtin13(f"{_GTIN_PREFIX}{number + 1_001:08d}") if branded else f"{chain + 1:02d}{number + 1:04d}",
        good["name"],
        good["spec"],
        tag_unit if loose else good["unit"],
        good["brand"],
        good["origin"],
        int(good["content"]),
        int(good["portion"]) * per_kg,
        round(price) if loose else round(price / 10) * 10,
        float(good["popularity"]),
        node(good["code"]).monitored and node(good["code"]).emergency,
        good["new"] == "0",
    )


def _draw_shops(rng: np.random.Generator, count: int) -> Shops:
    places = counties()
    county = sorted(places[i % len(places)] for i in range(count))
    enterprise: list[int] = []
    numbers: list[int] = []
    for i, code in enumerate(county):
        nth = i - county.index(code)
        present = [k for k, (_, where, _) in enumerate(CHAINS) if code.startswith(where)]
        enterprise.append(present[nth % len(present)])
        numbers.append(nth + 1)
    size = np.exp(rng.normal(0.0, 0.3, count))
    return Shops(
        terminal_id=np.array([f"t{c}-{n:02d}" for c, n in zip(county, numbers, strict=True)]),
        county=np.array(county),
        enterprise=np.array(enterprise, dtype=np.int64),
        size=size / size.mean(),
        late=rng.random(count) < 0.5,
    )


def _draw_shelves(rng: np.random.Generator, skus: Skus, shops: Shops) -> Shelves:
    """Each shop keeps the core of its chain's goods and most of the others."""
    shop, sku = np.nonzero(shops.enterprise[:, None] == skus.enterprise[None, :])
    core = (skus.popularity[sku] >= _CORE_POPULARITY) | (skus.code[sku] == "1001") | ~skus.listed[sku]
    keep = core | (rng.random(len(sku)) < 0.88)
    shop, sku = shop[keep], sku[keep]
    weight = skus.popularity[sku] * np.exp(rng.normal(0.0, 0.15, len(sku)))
    listed = np.bincount(shop, weights=weight * skus.listed[sku], minlength=len(shops.size))
    price = np.rint(skus.price[sku] * (1.0 + rng.normal(0.0, 0.01, len(shops.size)))[shop])
    return Shelves(
        shop=shop.astype(np.int64),
        sku=sku.astype(np.int64),
        rate=LINES_PER_DAY * shops.size[shop] * weight / listed[shop],
        price=price.astype(np.int64),
    )


def _freeze(table: T) -> T:
    for field in fields(table):
        getattr(table, field.name).flags.writeable = False
    return table
