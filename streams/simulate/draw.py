"""Random lines on shelves, and the demand that events add to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.envelope import RETURN, SALE
from streams.simulate.day import BLOCK_MS
from streams.simulate.events import Launch, Rush
from streams.world import Floats, Ints, World

RETURNS: Final = 0.005
"""Share of the lines that bring something back"""
NEVER: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Draws:
    """Lines before they have a price: shelf, ms UTC, kind, and random numbers that become quantities."""

    shelf: Ints
    ts: Ints
    kind: Ints
    uniform: Floats
    normal: Floats
    more: Floats

    def take(self, which: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> "Draws":
        """The lines where ``which`` is true."""
        return Draws(*(getattr(self, name)[which] for name in Draws.__slots__))


def join(parts: Sequence[Draws]) -> Draws:
    """All lines one after the other."""
    return Draws(*(np.concatenate([getattr(p, name) for p in parts]) for name in Draws.__slots__))


def sample(rng: np.random.Generator, rate: Floats, start_ms: int) -> Draws:
    """Sales of one block: a Poisson number of lines in all, each on a shelf by the shelves' expected ``rate``."""
    total = np.cumsum(rate)
    count = int(rng.poisson(total[-1])) if len(total) else 0
    where, when, back, uniform, more = rng.random((5, count))
    shelf = np.minimum(np.searchsorted(total, where * total[-1], side="right"), len(total) - 1) if count else where
    return Draws(
        shelf=shelf.astype(np.int64),
        ts=start_ms + (when * BLOCK_MS).astype(np.int64),
        kind=np.where(back < RETURNS, RETURN, SALE),
        uniform=uniform,
        normal=rng.standard_normal(count),
        more=more,
    )


@dataclass(frozen=True, slots=True)
class Boost:
    """Demand that an event adds: ``gain`` times a shelf's usual rate, once ramped up."""

    shelf: Ints
    """the shelves concerned"""
    start: Ints
    """for every shelf of the world: when it begins there, ms UTC, or NEVER"""
    gain: float
    ramp_ms: int

    def share(self, shelf: Ints, ts: Ints) -> Floats:
        """How much of the full effect is there on ``shelf`` at ``ts``, from 0 to 1."""
        since = (ts - self.start[shelf]).astype(np.float64)
        risen: Floats = np.where(since < 0, 0.0, np.minimum(1.0, since / self.ramp_ms) if self.ramp_ms else 1.0)
        return risen

    def sample(self, rng: np.random.Generator, usual: Floats, start_ms: int) -> Draws:
        """The added sales of one block; ``usual`` is the expected rate of all shelves in it, novelties included."""
        more = sample(rng, usual[self.shelf] * self.gain, start_ms)
        more = Draws(self.shelf[more.shelf], more.ts, more.kind, more.uniform, more.normal, more.more)
        # Thinning makes the ramp exact at any moment, and leaves nothing before the start.
        return more.take(rng.random(len(more.ts)) < self.share(more.shelf, more.ts))


def boost_of(world: World, event: Rush | Launch) -> Boost:
    """Where and how an event adds demand."""
    skus, shelves, shops = world.skus, world.shelves, world.shops
    start = np.full(len(shelves.shop), NEVER)
    if isinstance(event, Launch):
        enterprise = world.enterprises.index(event.enterprise)
        novel = ~skus.listed[shelves.sku] & (skus.enterprise[shelves.sku] == enterprise)
        start[novel] = event.onset_ms
        return Boost(np.flatnonzero(novel), start, gain=1.0, ramp_ms=0)
    wanted = shelves_of(world, event.commodity)
    county = shops.county[shelves.shop]
    for code, begin in event.starts().items():
        start[wanted & (county == code)] = begin
    return Boost(np.flatnonzero(start < NEVER), start, event.factor - 1.0, event.ramp_ms)


def shelves_of(
    world: World, commodity: str, enterprise: str | None = None
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Mask of the shelves with listed goods of a commodity, of one enterprise or of all."""
    skus = world.skus
    wanted = np.char.startswith(skus.code, commodity) & skus.listed
    if enterprise is not None:
        wanted &= skus.enterprise == world.enterprises.index(enterprise)
    mask: np.ndarray[tuple[int], np.dtype[np.bool_]] = wanted[world.shelves.sku]
    return mask
