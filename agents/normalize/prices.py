"""Log price relatives: a line's unit price against the same article's usual price in the same shop.

A matched relative has no unit-value bias: customers who switch to dearer brands are no price rise. What a price may not
be taken for stands in gates.py (its own past) and levels.py (the city, where it has none).
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agents.normalize.gates import DAY_MS, NEAR, STEP_WITHIN, Gated, Holds, Kinds, is_step
from agents.normalize.groups import Floats, Ints, Mask
from agents.normalize.levels import Levels
from agents.normalize.slots import Slots
from streams.columns import Quality

HALF_LIFE_MS: Final = 10.0 * DAY_MS
"""The usual price follows a lasting change by half in ten days."""
STALE_MS: Final = 30 * DAY_MS
"""With a price older than this nothing is compared: the article returns, and its price becomes the usual one."""
OUTLIER: Final = float(np.log(8.0))
"""Beyond it a price is a mistake of unit or typing until someone says otherwise: flagged, kept out of relatives."""


class UsualPrices:
    """Usual log price of every (shop, article) that this worker has seen, in dense arrays by slot.

    Of one unit of sale, as it is printed on the till, not of a base unit: so it holds when the article's content is
    corrected. ``log_price[slot]`` is NaN until a price is learned; ``at[slot]`` is the ms UTC of the last one;
    ``met[slot]`` says whether a line of the article has come from the shop; ``holds`` which of them are held.
    ``levels`` are those of the commodities.
    """

    def __init__(self) -> None:
        self._slots = Slots()
        self.log_price = np.full(1024, np.nan)
        self.at = np.zeros(1024)
        self.met = np.zeros(1024, np.bool_)
        self.holds = Holds(1024)
        self.levels = Levels()
        self._line = np.zeros(1024, np.int32)

    def slots(self, shop: Ints, row: Ints) -> Ints:
        """Slot of each (shop, catalogue row), made where it is new; all int64 of shape (n,)."""
        slots = self._slots.of(shop, row)
        more = len(self._slots) - len(self.log_price)
        if more > 0:
            more = max(more, len(self.log_price))
            self.log_price = np.concatenate([self.log_price, np.full(more, np.nan)])
            self.at = np.concatenate([self.at, np.zeros(more)])
            self.met = np.concatenate([self.met, np.zeros(more, np.bool_)])
            self.holds.grow(more)
            self._line = np.concatenate([self._line, np.zeros(more, np.int32)])
        return slots

    def met_in(self, shop: int) -> Ints:
        """Slots of what a shop has sent, in the order of the first line."""
        return self._slots.of_shop(shop)

    def rows(self, slot: Ints) -> Ints:
        """Catalogue row of each slot."""
        return self._slots.rows(slot)

    def take_back(self, shop: int, row: Ints, log_price: Floats, at: Floats) -> Ints:
        """Restore what a shop has sent, in its order; the slots, int64 (n,)."""
        slots = self.slots(np.full(len(row), shop, np.int64), row)
        self.log_price[slots], self.at[slots], self.met[slots] = log_price, at, True
        return slots

    def one_line(self, slot: Ints) -> Ints:
        """For each line the last one of the same slot, int64 (n,): it stands for all of them."""
        self._line[slot] = np.arange(len(slot), dtype=np.int32)
        return self._line[slot].astype(np.int64)


@dataclass(frozen=True, slots=True)
class Offers:
    """Lines as what they say of prices; all arrays of shape (n,)."""

    shop: Ints
    """number of the terminal in this worker"""
    row: Ints
    """catalogue row of the article"""
    log_price: Floats
    """natural log of the unit price, in 1e-4 yuan per kg, L or piece; 0 where there is none"""
    log_unit: Floats
    """natural log of the base units in one unit of sale: with it a price is that of the unit of sale"""
    priced: Mask
    """whether there is a unit price"""
    comparable: Mask
    """whether it may be compared and learned from: priced, and neither a return nor on promotion"""
    ts: Ints
    """ms UTC"""
    code: npt.NDArray[np.int32]
    """index of the commodity in ``texts``"""
    texts: list[str]
    envelope: Ints
    """index of each line's envelope in the next two"""
    place: list[tuple[int, str]]
    """raw partition and city of each envelope"""
    offset: Ints
    """raw offset of each envelope"""
    rounds: list[Ints | slice]
    """the lines in parts that go one after the other: no part has two envelopes of one shop"""


@dataclass(frozen=True, slots=True)
class Held:
    """Lines that are held, arrays of shape (n,): see gates.py."""

    kind: Kinds
    """its sign is the direction, 0: not held"""
    new: Mask
    """the line with which its article became held"""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of the offers; all arrays of shape (n,)."""

    relative: Floats
    """log price relative"""
    has_relative: Mask
    marks: npt.NDArray[np.uint16]
    """of Quality: what the prices and the article's past in the shop give"""
    held: Held | None
    """None: no line is held"""


def judge(usual: UsualPrices, offers: Offers) -> Judged:
    """Compare each price with the usual one before its envelope, mark what cannot be, and learn from the others."""
    n = len(offers.row)
    slot = usual.slots(offers.shop, offers.row)
    paid = offers.log_price + offers.log_unit
    off = _off_level(usual.levels, offers, slot)
    # A price only grows younger within a bulk, so what is not stale before it is not in it.
    special = usual.holds.any or off is not None or bool((offers.ts - usual.at[slot] > STALE_MS).any())
    relative, has_relative, marks = np.zeros(n), np.zeros(n, np.bool_), np.zeros(n, np.uint16)
    gated: list[tuple[Ints, Gated]] = []
    for part in offers.rounds:
        its, log_price, ts, teaching = slot[part], paid[part], offers.ts[part], offers.comparable[part]
        rel, known = relatives(usual, its, log_price)
        if special or np.abs(rel).max(initial=0.0) > NEAR:
            priced, wrong = offers.priced[part], None if off is None else off[part]
            found = _screen(usual, its, rel, known, ts, priced, teaching, wrong)
            known, teaching, marks[part] = found.compared, found.teaching, found.marks
            if found.gated is not None:
                gated.append((np.arange(n)[part][found.gated.line], found.gated))
        else:
            known &= teaching
        relative[part], has_relative[part] = rel, known
        learn(usual, its, log_price, ts, teaching)
    new = np.flatnonzero(~usual.met[slot])
    if len(new):
        _, first = np.unique(slot[new], return_index=True)
        marks[new[first]] |= np.uint16(Quality.NEW_SKU)
        usual.met[slot[new]] = True
    return Judged(relative, has_relative, marks, _held(gated, n))


def _off_level(levels: Levels, offers: Offers, slot: Ints) -> Mask | None:
    """Which lines are a step away from their commodity's level, bool (n,); None: of no line is that to be asked."""
    lacking = levels.lacking(slot, offers.comparable)
    if not len(lacking):
        return None
    place = levels.places(offers.place)
    envelope, code = offers.envelope[lacking], offers.code[lacking]
    off = np.zeros(len(slot), np.bool_)
    off[lacking] = levels.steps_off(
        slot[lacking], offers.log_price[lacking], place[envelope], offers.offset[envelope], code, offers.texts
    )
    return off


class _Screened(NamedTuple):
    """Lines of one round; arrays of its shape."""

    compared: Mask
    teaching: Mask
    marks: npt.NDArray[np.uint16]
    gated: Gated | None


def _screen(
    usual: UsualPrices,
    slot: Ints,
    relative: Floats,
    known: Mask,
    ts: Ints,
    priced: Mask,
    comparable: Mask,
    off_level: Mask | None,
) -> _Screened:
    """Say of the lines of a round what their prices are; usual prices that no longer hold are forgotten."""
    marks = np.zeros(len(slot), np.uint16)
    stale = known & (ts - usual.at[slot] > STALE_MS)
    relative[stale] = 0.0
    known = known & ~stale
    starting = stale & comparable
    marks[starting] = np.uint16(Quality.RETURNING)
    outlier = np.flatnonzero(np.abs(relative) > OUTLIER)
    teaching = comparable.copy()
    teaching[outlier] = False
    outlier = outlier[priced[outlier]]
    marks[outlier] |= np.uint16(Quality.OUTLIER)
    marks[outlier[is_step(relative[outlier], STEP_WITHIN)]] |= np.uint16(Quality.UNIT_MISTAKE)
    if off_level is not None:
        wrong = off_level & ~known
        marks[wrong] |= np.uint16(Quality.UNIT_MISTAKE)
        teaching &= ~wrong
        starting &= ~wrong
    compared = known & teaching
    gated = usual.holds.gate(slot, relative, ts, compared)
    if gated is not None:
        marks[gated.line] |= gated.marks
        compared[gated.line] = compared[gated.lasting] = teaching[gated.line] = False
        starting[gated.lasting] = True
    usual.log_price[slot[starting]] = np.nan
    return _Screened(compared, teaching, marks, gated)


def _held(gated: list[tuple[Ints, Gated]], n: int) -> Held | None:
    if not any(len(line) for line, _ in gated):
        return None
    held = Held(np.zeros(n, np.int8), np.zeros(n, np.bool_))
    for line, found in gated:
        held.kind[line], held.new[line] = found.kind, found.new
    return held


def relatives(usual: UsualPrices, slot: Ints, log_price: Floats) -> tuple[Floats, Mask]:
    """Log relative of each line, and whether there was a usual price to compare with; all of shape (n,)."""
    relative = log_price - usual.log_price[slot]
    known = ~np.isnan(relative)
    if not known.all():
        relative[~known] = 0.0
    return relative, known


def learn(usual: UsualPrices, slot: Ints, log_price: Floats, ts: Ints, teaching: Mask) -> None:
    """Move usual prices towards the mean price of each slot in these lines; a new article starts at its first price.

    Parameters
    ----------
    slot
        int64 (n,); the lines of one slot must be of one envelope.
    log_price
        float64 (n,): natural log of the price of one unit of sale.
    ts
        int64 (n,): ms UTC.
    teaching
        bool (n,): the lines to learn from; promotions, returns, outliers and what is held teach nothing.
    """
    if not teaching.all():
        slot, log_price, ts = slot[teaching], log_price[teaching], ts[teaching]
    n = len(slot)
    line = usual.one_line(slot)
    count = np.bincount(line, minlength=n)
    last = np.zeros(n, np.int64)
    np.maximum.at(last, line, ts)
    own = np.flatnonzero(count)
    touched, at = slot[own], last[own].astype(np.float64)
    mean = np.bincount(line, weights=log_price, minlength=n)[own] / count[own]
    before, before_at = usual.log_price[touched], usual.at[touched]
    new = np.isnan(before)
    elapsed = np.maximum(at - before_at, 0.0)
    weight = np.where(new, 1.0, -np.expm1(-elapsed * (np.log(2.0) / HALF_LIFE_MS)))
    start = np.where(new, mean, before)
    usual.log_price[touched] = start + weight * (mean - start)
    usual.at[touched] = np.maximum(before_at, at)
