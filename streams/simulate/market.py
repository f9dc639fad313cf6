"""The simulator: what all shops sell, charge and have in stock in an interval of time, as columns.

Time is cut into blocks of 5 minutes with a random stream each, so that lines depend on world, seed and events alone,
never on how the intervals were cut; and an event adds its lines to those that would have been sold without it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa

from streams.envelope import KINDS, MAX_LINES, PRICE, RETURN, STOCK
from streams.simulate.day import BLOCK_MS, CLOSES_HOURS, CURVES, OPENS_HOUR, Day, day_of, make_day
from streams.simulate.draw import Draws, boost_of, join, sample, shelves_of
from streams.simulate.events import Event, Gouge, Rush
from streams.topics import DAY_MS, HOUR_MS
from streams.world import Bools, Floats, Ints, World

RUSH_PACKS: Final = 4
"""In a rush a receipt holds 1 to 4 times as much: 2.5 times on average"""
_PACKS: Final = np.array([0.75, 0.93, 0.98, 0.995])
"""Chance of at most 1, 2, 3, 4 packs in a line"""
_MEAN_PACKS: Final = 1.0 + float((1.0 - _PACKS).sum())
_STOCK_DAYS: Final = (2.0, 9.0)
"""Stock on hand of loose and of packed goods after closing, in days of sales"""
_KEPT: Final = 3
_TEXTS: Final = ("sku", "name", "spec", "unit", "brand", "origin")
T = TypeVar("T")


class Simulator:
    """Trades in a world. Not to be shared between threads.

    Parameters
    ----------
    world
        The market.
    seed
        Another one gives other customers in the same market.
    events
        What happens, and when.
    """

    def __init__(self, world: World, seed: int, events: Sequence[Event] = ()) -> None:
        self.world = world
        self.events = tuple(events)
        self._seed = seed
        self._days: dict[int, Day] = {}
        self._blocks: dict[int, Draws] = {}
        self._late = world.shops.late[world.shelves.shop].astype(np.int64)
        self._boosts = [(e, boost_of(world, e)) for e in self.events if not isinstance(e, Gouge)]
        self._gouges = [(e, shelves_of(world, e.commodity, e.enterprise)) for e in self.events if isinstance(e, Gouge)]
        skus = world.skus
        self._reported = np.flatnonzero((skus.necessity & skus.listed)[world.shelves.sku])
        self._words = {name: _dictionary(getattr(skus, name)) for name in _TEXTS}

    def advance(self, start_ms: int, end_ms: int) -> pa.Table:
        """All shops' lines with ``start_ms <= ts < end_ms``, sorted by shop, then time.

        Columns: ``shop`` (int32, index into ``World.shops``) and those of ``LINE_SCHEMA`` but ``lot`` and ``channel``;
        text columns are dictionary-encoded. ``line`` counts a shop's lines from 0, anew every MAX_LINES. Deterministic
        in world, seed and events; how time is cut into intervals makes no difference.
        """
        last = day_of(max(start_ms, end_ms - 1))
        days = [self._day_lines(n, start_ms, end_ms) for n in range(day_of(start_ms), last + 1)]
        shelf, ts, kind, qty, amount, promo = (np.concatenate(c) for c in zip(*days, strict=True))
        shop = self.world.shelves.shop[shelf]
        order = np.argsort((shop << 44) + ts, kind="stable")
        shop, sku = shop[order], self.world.shelves.sku[shelf[order]]
        number = np.arange(len(shop)) - np.searchsorted(shop, shop, side="left")
        columns: dict[str, Any] = {
            "shop": pa.array(shop.astype(np.int32)),
            "line": pa.array((number % MAX_LINES).astype(np.uint16)),
            "ts": pa.array(ts[order]).cast(pa.timestamp("ms", "UTC")),
            "kind": pa.DictionaryArray.from_arrays(pa.array(kind[order].astype(np.int8)), pa.array(KINDS)),
            "qty": qty[order],
            "amount": amount[order],
            "promo": promo[order],
        }
        for name, (codes, words) in self._words.items():
            columns[name] = pa.DictionaryArray.from_arrays(pa.array(codes[sku]), words)
        return pa.table(columns)

    def expected_lines(self, day: int) -> Floats:
        """Sales and returns expected of each shelf in a local day (``day_of``) without events: the truth for tests."""
        return self._day(day).rate

    def _day(self, number: int) -> Day:
        return _kept(self._days, number, partial(make_day, self.world, self.world.seed, number))

    def _day_lines(self, number: int, start_ms: int, end_ms: int) -> tuple[Ints, Ints, Ints, Ints, Ints, Bools]:
        """Shelf, ts, kind, qty, amount and promo of one day's lines within the interval."""
        day = self._day(number)
        since, until = max(start_ms, day.start_ms), min(end_ms, day.start_ms + DAY_MS)
        blocks = range(since // BLOCK_MS, -(-until // BLOCK_MS)) if until > since else range(0)
        drawn = [_kept(self._blocks, b, partial(self._draw, b, day)) for b in blocks]
        lines = join([*drawn, *self._reports(day)])
        lines = lines.take((lines.ts >= since) & (lines.ts < until))
        price = self._price(day, lines)
        qty = self._quantity(lines)
        report = lines.kind > RETURN
        qty[report] = 1000
        amount = (qty * price + 500) // 1000
        stock = np.flatnonzero(lines.kind == STOCK)
        amount[stock] = 0
        qty[stock] = self._on_hand(lines.shelf[stock], lines.ts[stock], lines.uniform[stock])
        return lines.shelf, lines.ts, lines.kind, qty, amount, day.promo[lines.shelf]

    def _draw(self, number: int, day: Day) -> Draws:
        """The sales of 5 minutes: those without events, and those that each event adds."""
        start = number * BLOCK_MS
        curve = CURVES[self._late, (start - day.start_ms) // BLOCK_MS]
        parts = [sample(np.random.default_rng([self._seed, number, 0]), day.rate * curve, start)]
        for stream, (_, boost) in enumerate(self._boosts, 1):
            if start + BLOCK_MS > boost.start.min():
                rng = np.random.default_rng([self._seed, number, stream])
                parts.append(boost.sample(rng, self.world.shelves.rate * curve, start))
        return join(parts)

    def _reports(self, day: Day) -> list[Draws]:
        """A price line of each necessity in the minutes after opening, a stock line in those after closing."""
        shelf = self._reported
        shop = self.world.shelves.shop[shelf]
        closes = np.array(CLOSES_HOURS)[self._late[shelf]]
        rng = np.random.default_rng([self._seed, day_of(day.start_ms), 1 << 30])
        none = np.zeros(len(shelf))
        minutes = shop % 5 * 60_000
        return [
            Draws(shelf, day.start_ms + hour * HOUR_MS + minutes, np.full(len(shelf), kind), level, none, none)
            for kind, hour, level in ((PRICE, OPENS_HOUR, none), (STOCK, closes, rng.random(len(shelf))))
        ]

    def _quantity(self, lines: Draws) -> Ints:
        """Thousandths of the unit that a customer takes."""
        skus, sku = self.world.skus, self.world.shelves.sku[lines.shelf]
        loose = np.maximum(50.0, np.rint(skus.portion[sku] * np.exp(0.45 * lines.normal)))
        packs = 1000 * (1 + np.searchsorted(_PACKS, lines.uniform, side="right"))
        qty: Ints = np.where(skus.content[sku] == 0, loose, packs).astype(np.int64)
        for event, boost in self._boosts:
            if isinstance(event, Rush):
                qty *= 1 + (lines.more * boost.share(lines.shelf, lines.ts) * RUSH_PACKS).astype(np.int64)
        return qty

    def _price(self, day: Day, lines: Draws) -> Ints:
        """Fen for one unit at the time of each line."""
        price = day.price[lines.shelf]
        for event, mask in self._gouges:
            dear = mask[lines.shelf] & (lines.ts >= event.onset_ms)
            price = np.where(dear, np.rint(price * event.factor).astype(np.int64), price)
        return price

    def _on_hand(self, shelf: Ints, ts: Ints, level: Floats) -> Ints:
        """Stock after closing, thousandths of the unit: some days of sales, less what a rush took since the morning."""
        skus, sku = self.world.skus, self.world.shelves.sku[shelf]
        loose = skus.content[sku] == 0
        usual = self.world.shelves.rate[shelf] * np.where(loose, skus.portion[sku], 1000 * _MEAN_PACKS)
        stock = usual * np.where(loose, *_STOCK_DAYS) * (0.6 + 0.8 * level)
        for event, boost in self._boosts:
            if isinstance(event, Rush):
                open_ms = (CLOSES_HOURS[0] - OPENS_HOUR) * HOUR_MS
                hours = np.clip((ts - boost.start[shelf]) / open_ms, 0.0, 1.0)
                stock -= usual * event.factor * (1 + (RUSH_PACKS - 1) / 2) * hours
        # Packs are counted whole.
        stock = np.maximum(0.0, np.where(loose, np.rint(stock), np.floor(stock / 1000) * 1000))
        return stock.astype(np.int64)


def _kept(kept: dict[int, T], number: int, make: Callable[[], T]) -> T:
    """The last few days and blocks are kept: a player asks for minutes."""
    if number not in kept:
        while len(kept) >= _KEPT:
            kept.pop(next(iter(kept)))
        kept[number] = make()
    return kept[number]


def _dictionary(words: np.ndarray[tuple[int], np.dtype[np.str_]]) -> tuple[Ints, pa.Array]:
    unique, codes = np.unique(words, return_inverse=True)
    return codes.astype(np.int32), pa.array(unique.tolist())
