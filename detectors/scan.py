"""Spread: the subset of neighbouring regions, and of commodities, that is most unlike its expectation.

For every parent of the tree and every commodity (and ``*``) each period; members of the best subset when they are asked
for, also of circles of neighbours across the tree (``adjacency``).
"""

from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import calibrate
from detectors.adjacency import Groups
from detectors.calibrate import BINS, Singles
from detectors.pace import Pace
from detectors.sides import Sides
from detectors.state import Axes, Floats, Ints, Mask, State
from detectors.tree import Tree

CUTS: Final = np.array([1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0])
"""Observed over expected from which a region belongs to the subset; the same below, upside down."""
EDGES: Final = np.concatenate([1.0 / CUTS[:0:-1], CUTS])
HALF_LIFE_DAYS: Final = 28.0
"""of a node's own mean and variance of scores; daily and longer periods take twice as many periods"""
LEAST_PERIODS: Final = 60.0
OWN: Final = 20.0
"""periods of the pool of all parents that stand beside a node's own"""
CUT: Final = 3.0
"""standard deviations at which a score is cut before it teaches"""
LEAST_VARIANCE: Final = 0.01
WARM: Final = 20.0
"""periods before anything is said"""
FIRST: Final = 5.0
"""score at which one is cut until there is a mean"""
SCORES_HALF_LIFE_DAYS: Final = 365.0
HOLD_DAYS: Final = 3.0
"""for which what is rare teaches the histograms nothing"""
WEIGHT: Final = 0.25
"""of the scan beside the parent's own p"""
ORDINARY: Final = 0.9
"""p at which one that says nothing is cut before two are put together"""

Side = Annotated[Floats, Axes((2, "units", "codes"))]
"""float64 (up and down, parents, commodity nodes)"""


@dataclass(slots=True)
class Scan(State):
    """What the scores of each parent and commodity have been; axes "units" (parents) and "codes" (with ``*``)."""

    periods: Side
    """fading number of periods scored"""
    total: Side
    """fading sum of scores"""
    squares: Side
    """fading sum of squared deviations from the mean"""
    scores: Annotated[Floats, Axes((2, 2, BINS, 1, 1))]
    """histograms of the scores in own standard deviations, up and down, fading"""
    held: Annotated[Singles, Axes((2, "units", "codes"), "f4")]
    """periods for which a flagged node teaches the histograms nothing, up and down"""


class Found(NamedTuple):
    """The best subset: regions and commodities by number, the window, and the score (root of 2 log likelihood)."""

    regions: Ints
    commodities: Ints
    window: int
    score: float


def scores(observed: Floats, expected: Floats, dispersion: npt.ArrayLike, tree: Tree) -> Sides:
    """Best score of each parent of the tree, float64 (parents, commodity nodes), up and down; NaN where nothing is.

    ``observed``, ``expected``: sums over windows, (windows, leaves, goods), NaN where not known; expectations are from
    before the window. ``dispersion``: variance over mean of such a sum, broadcast to that. With ``x = observed /
    dispersion`` and ``b = expected / dispersion`` the log likelihood ratio of a subset is ``F = X ln(X / B) + B - X``
    where X > B (expectation-based Poisson, quasi-likelihood), and the best subset of n regions is one of n prefixes in
    the order of x / b, not one of 2^n. Here prefixes end at ``CUTS``: one histogram holds them all, and its sums add up
    the tree. The score is ``sqrt(2 F)``, the largest over windows. ``*`` is the subset of regions by all their goods.

    *Source*: Neill 2012, "Fast subset scan for spatial pattern detection" (linear-time subset scanning); Neill 2009
    (expectation-based). *Assumes* independent regions: a common busy day looks like spread; the past of the score
    (``step``) is what answers that.
    """
    x, b = _scaled(observed, expected, dispersion, tree.shape[1])
    leaf, parent = tree.below
    cells, cell_parent, starts = _cells(leaf, parent, tree)
    best = np.full((2, len(tree.regions) - tree.leaves, x.shape[-1]), -np.inf)
    for xw, bw in zip(x, b, strict=True):
        counts, bases = (_rise(a, cell_parent, starts) for a in _histogram(xw, bw, cells))
        known = bases.any(axis=0)
        for side, f in enumerate((_best(counts[::-1], bases[::-1], True), _best(counts, bases, False))):
            best[side] = np.maximum(best[side], np.where(known, np.sqrt(2.0 * f), -np.inf))
    best[best == -np.inf] = np.nan
    return Sides(best[0], best[1])


def step(state: Scan, score: Sides, flagged: Mask, pace: Pace) -> Sides:
    """p of each parent and commodity from the past of its own scores, (parents, commodity nodes); then learn, in place.

    A score is taken in standard deviations from the mean of its own past (shrunk to that of all parents), which holds
    the number of regions and what they do together on an ordinary day; p is the chance of so many deviations by what
    all parents had before (``calibrate.chance``). ``flagged`` (parents, commodity nodes) teach nothing. NaN for
    the first 20 periods, and where there is no score.
    """
    s = np.stack(score)
    seen = ~np.isnan(s)
    known = np.maximum(state.periods.sum(axis=(1, 2), keepdims=True), 1e-9)
    pool = (a.sum(axis=(1, 2), keepdims=True) / known for a in (state.total, state.squares))
    mean, variance = (
        (own + OWN * of) / (state.periods + OWN) for own, of in zip((state.total, state.squares), pool, strict=True)
    )
    deviation = np.sqrt(np.maximum(variance, LEAST_VARIANCE))
    z = (s - mean) / deviation
    z[(state.periods.max(axis=(1, 2), initial=0.0) < WARM)] = np.nan
    single = z.astype(np.float32)
    teaches = seen & ~flagged
    fade = 0.5 ** (1.0 / (SCORES_HALF_LIFE_DAYS * max(pace.ticks_per_day, 1.0)))
    hold = max(HOLD_DAYS * pace.ticks_per_day, 1.0)
    p = np.stack([calibrate.chance(of, z_, pace) for of, z_ in zip(state.scores, single, strict=True)])
    told = np.where(flagged, np.float32(np.nan), single)
    for side in (0, 1):
        calibrate.count(state.scores[side], state.held[side], told[side], p[side], hold, fade, pace)
    cut = np.where(np.isfinite(z), mean + np.clip(z, -CUT, CUT) * deviation, np.minimum(s, FIRST))
    _learn(state, cut, teaches, mean, pace)
    return Sides(p[0], p[1])


def together(p: Floats, scanned: Floats) -> Floats:
    """One p of a parent's own and the scan's, of their shape; one of them alone where the other is NaN.

    Cauchy combination: ``T = (1 - w) tan((1/2 - p) pi) + w tan((1/2 - q) pi)``, w = WEIGHT, is Cauchy in the tail under
    any dependence; p alone costs a factor of 4/3, q alone one of 4, both together nothing. Source: Liu and Xie 2020.
    A p near 1 is cut at 0.9: it must not take away what the other says.
    """
    mine, other = (np.tan((0.5 - np.clip(a, 1e-300, ORDINARY)) * np.pi) for a in (p, scanned))
    both = np.arctan2(1.0, (1.0 - WEIGHT) * mine + WEIGHT * other) / np.pi
    return np.where(np.isnan(p), scanned, np.where(np.isnan(scanned), p, np.minimum(both, 1.0)))


def best_subset(
    observed: Floats, expected: Floats, dispersion: npt.ArrayLike, regions: Ints, up: bool = True, rounds: int = 3
) -> Found:
    """The best subset of some regions and of all goods, exactly, by turns: regions given goods, goods given regions.

    ``regions``: numbers of leaves, of a parent or a circle (-1 is left out). Arrays as for ``scores``. Each turn is a
    scan over prefixes; it never falls and is not always the best of all (Neill, McFowland and Zheng 2013).
    """
    within = regions[regions >= 0]
    x, b = (of[:, within] for of in _scaled(observed, expected, dispersion, observed.shape[-1]))
    best = Found(within[:0], within[:0], 0, 0.0)
    for window, (xw, bw) in enumerate(zip(x, b, strict=True)):
        goods = np.ones(xw.shape[1], np.bool_)
        for _ in range(rounds):
            rows, _f = _prefix(xw[:, goods].sum(axis=1), bw[:, goods].sum(axis=1), up)
            goods, f = _prefix(xw[rows].sum(axis=0), bw[rows].sum(axis=0), up)
        if (root := float(np.sqrt(2.0 * f))) > best.score:
            best = Found(within[rows], np.flatnonzero(goods), window, root)
    return best


def best_circle(
    observed: Floats, expected: Floats, dispersion: npt.ArrayLike, circles: Groups, centres: Ints, up: bool = True
) -> Found:
    """The best subset over the circles around some leaves: those that stand out themselves, so that few are tried."""
    found = [best_subset(observed, expected, dispersion, circles[i], up) for i in centres]
    return max(found, key=lambda f: f.score, default=Found(centres[:0], centres[:0], 0, 0.0))


def _scaled(observed: Floats, expected: Floats, dispersion: npt.ArrayLike, columns: int) -> tuple[Floats, Floats]:
    """x and b, with the sum over goods where that is one of the columns; nought where nothing is known or expected."""
    phi = np.broadcast_to(np.asarray(dispersion, np.float64), observed.shape)
    use = np.isfinite(observed) & np.isfinite(expected) & (expected > 0.0) & (phi > 0.0)
    x = np.divide(np.maximum(observed, 0.0), phi, out=np.zeros(observed.shape), where=use)
    b = np.divide(expected, phi, out=np.zeros(observed.shape), where=use)
    if columns > observed.shape[-1]:
        x = np.concatenate([x, x.sum(axis=-1, keepdims=True)], axis=-1)
        b = np.concatenate([b, b.sum(axis=-1, keepdims=True)], axis=-1)
    return x, b


def _cells(leaf: Ints, parent: Ints, tree: Tree) -> tuple[Ints, Ints, Ints]:
    """Each leaf's cell (leaves with the same parents); the cells of each parent in a row, and where each row starts."""
    above: list[list[int]] = [[] for _ in range(tree.leaves)]
    for i, p in zip(leaf.tolist(), parent.tolist(), strict=True):
        above[i].append(p)
    names = {key: n for n, key in enumerate(dict.fromkeys(map(tuple, above)))}
    cells = np.array([names[tuple(a)] for a in above], np.int64)
    pairs = np.array(sorted((p, n) for key, n in names.items() for p in key), np.int64).reshape(-1, 2)
    return cells, pairs[:, 1], np.searchsorted(pairs[:, 0], np.arange(len(tree.regions) - tree.leaves))


def _rise(a: Floats, cell_parent: Ints, starts: Ints) -> Floats:
    """(buckets, parents, columns) from (buckets, cells, columns)."""
    return np.add.reduceat(a[:, cell_parent], starts, axis=1) if len(starts) else a[:, :0]


def _histogram(x: Floats, b: Floats, cells: Ints) -> tuple[Floats, Floats]:
    """Sums of x and b by cell and by where x / b lies among ``EDGES``, float64 (buckets, cells, columns)."""
    buckets, columns = len(EDGES) + 1, x.shape[1]
    ratio = np.divide(x, b, out=np.ones(x.shape), where=b > 0.0)
    at = np.searchsorted(EDGES, ratio.ravel(), side="right").reshape(x.shape)
    shape = (buckets, int(cells.max(initial=-1)) + 1, columns)
    index = ((at * shape[1] + cells[:, None]) * columns + np.arange(columns)).ravel()
    sums = [np.bincount(index, a.ravel(), int(np.prod(shape))).astype(np.float64).reshape(shape) for a in (x, b)]
    return sums[0], sums[1]


def _best(x: Floats, b: Floats, up: bool) -> Floats:
    """The largest F over prefixes that end at a cut, float64 (parents, columns); buckets from the extreme inwards."""
    count, base = np.zeros(x.shape[1:]), np.zeros(x.shape[1:])
    best = np.zeros(x.shape[1:])
    for i in range(len(CUTS)):
        count += x[i]
        base += b[i]
        np.maximum(best, _likelihood(count, base, up), out=best)
    return best


def _likelihood(x: Floats, b: Floats, up: bool = True) -> Floats:
    """F of subsets with the sums x and b; nought on the other side of the expectation."""
    there = (b > 0.0) & ((x > b) if up else (x < b))
    ratio = np.divide(x, b, out=np.ones(x.shape), where=there)
    log = np.log(ratio, out=np.zeros(x.shape), where=ratio > 0.0)
    return np.where(there, np.maximum(x * log + b - x, 0.0), 0.0)


def _prefix(x: Floats, b: Floats, up: bool) -> tuple[Mask, float]:
    """The best prefix in the order of x / b, as a mask, and its F."""
    ratio = np.divide(x, b, out=np.full(x.shape, 0.0 if up else np.inf), where=b > 0.0)
    order = np.argsort(-ratio if up else ratio, kind="stable")
    f = _likelihood(np.cumsum(x[order]), np.cumsum(b[order]), up)
    mask = np.zeros(len(x), np.bool_)
    if len(f):
        mask[order[: int(np.argmax(f)) + 1]] = True
    return mask & (b > 0.0), float(f.max(initial=0.0))


def _learn(state: Scan, s: Floats, use: Mask, mean: Floats, pace: Pace) -> None:
    half_life = max(HALF_LIFE_DAYS * pace.ticks_per_day, LEAST_PERIODS)
    kept = np.where(use, 0.5 ** (1.0 / half_life), 1.0)
    score = np.where(use, s, 0.0)
    state.periods[:] = state.periods * kept + use
    state.total[:] = state.total * kept + score
    middle = np.where(state.periods > OWN / 4.0, state.total / np.maximum(state.periods, 1.0), mean)
    state.squares[:] = state.squares * kept + np.where(use, (score - middle) ** 2, 0.0)
