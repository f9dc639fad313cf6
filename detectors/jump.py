"""How unusual a relative or a climb is: by the restlessness of its own node, told as a chance by what all like it did.

A price that never moves has no variance, and its first move is no infinite evidence: the restlessness is shrunk to that
of all nodes of the same kind, and the chance is the share of their past scores that were as high, with a generalised
Pareto tail beyond the highest fiftieth.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.climb import Climbs
from detectors.moment import Moment
from detectors.pace import DAY_MS, Pace
from detectors.relative import Singles
from detectors.state import Axes, Floats, Mask, State
from detectors.tree import ALL, Tree

HALF_LIFE_DAYS: Final = 240.0
"""of the restlessness: two to eight months found the most, 30 days a third less"""
PRIOR_DAYS: Final = 60.0
"""weight of the restlessness of all nodes of the kind in that of one"""
CENTRE_DAYS: Final = 20.0
"""the same for the mean"""
START: Final = (0.15, 1.0)
"""restlessness of relatives (log), of climbs, until START_DAYS node days of the kind are known"""
START_DAYS: Final = 50.0
STILL: Final = 0.005
"""least restlessness, log"""
INCIDENT: Final = 4.0
"""standard deviations that a relative may count for when it is learned"""
RECORD: Final = (1.15, 0.98)
"""only a new record of a node speaks: this much higher than the last, which sinks by so much a day"""

CLIMB: Final = 0.8
"""standard deviations that a unit of a single series' climb is worth"""

KINDS: Final = 6
"""kinds of nodes: given, parent, root regions; of one commodity, of all"""
BINS: Final = 242
"""of scores by their logarithm; the first holds all below LOWEST, the last all above HIGHEST"""
LOWEST: Final = 0.25
HIGHEST: Final = 60.0
_STEP: Final = math.log(HIGHEST / LOWEST) / (BINS - 2)
_EDGES: Final = LOWEST * np.exp(_STEP * np.arange(BINS - 1))
_MIDDLES: Final = np.concatenate([[LOWEST], _EDGES[:-1] * np.exp(_STEP / 2.0), [HIGHEST]])
FADE_DAYS: Final = 1000.0
"""half-life of what is known of the scores of a kind"""
FEW: Final = 50.0
"""scores that the Laplace law counts as, until a kind is known"""
ENOUGH: Final = 200.0
"""scores of a kind from which on it has a tail of its own"""
TAIL: Final = (0.004, 0.02, 60.0)
"""the tail is the highest 0.4 to 2 % of the scores, 60 of them if there are"""
EXCESS: Final = (0.5, 10.0)
"""mean excess over the tail's threshold in standard deviations before any is known, and its weight in scores"""
SHAPE: Final = (0.1, 30.0, 0.5)
"""shape of the tail before any is known, its weight in scores, and the greatest"""
ALONE: Final = (1e-3, 0.7)
"""below the first, the logarithm of p of a mean over n regions falls by ``1 - 0.7 / n`` of itself only, that of all
goods together as that of one: mistaken units and renamed goods obey no law of the past, and thousands of series must
not drown the few nodes of many shops"""
SHOPS: Final = (1, 2)
"""kinds of nodes that average one commodity over shops"""
EPISODE: Final = 2.0
"""a run of scores above this is one episode"""

PerSide = Annotated[Singles, Axes((2, "units", "codes"), "f4")]
"""float32 (2, regions, commodities): upwards, downwards"""


@dataclass(slots=True)
class Restlessness(State):
    """What is known of the relatives of each node and side. A leading axis before all others is allowed."""

    days: PerSide
    """days known, fading"""
    total: PerSide
    """sum of the relatives"""
    square: PerSide
    """sum of their squared distances from the mean"""
    climbed: PerSide
    climbed_square: PerSide
    """the same of climbs, of the nodes above single series"""
    record: PerSide
    """highest score, sinking"""
    since: PerSide
    """number of the period in which the episode began, plus 1; 0: none"""
    scores: Annotated[Floats, Axes((2, KINDS, BINS))]
    """past scores by kind of node"""


class Judged(NamedTuple):
    """(..., 2, regions, commodities), NaN where no relative was given."""

    p: Floats
    """float64"""
    usual: Singles
    """mean relative, float32"""
    spread: Singles
    """restlessness, log"""
    relative: Singles
    """what was observed; since when it has been high stands in ``Restlessness.since``"""


def step(state: Restlessness, relative: Singles, climbs: Climbs, tree: Tree, moment: Moment, pace: Pace) -> Judged:
    """Judge the relatives of a period and learn from them, in place. ``relative``: as ``relative.relatives`` gives it.

    Score: ``(relative - mean) / restlessness``, both fading means over the node's own past, shrunk to its kind; or that
    of its climb, if it is higher, as far as such prices usually stand still: where prices move every day, how often one
    rises says nothing that how far does not. p: share of the past scores of its kind that were as high.
    """
    days = pace.tick_ms / DAY_MS
    p = np.full(relative.shape, np.nan)
    usual, spread = (np.full(relative.shape, np.nan, np.float32) for _ in range(2))
    state.scores *= 0.5 ** (days / FADE_DAYS)
    below = np.bincount(tree.below[1], minlength=len(tree.regions) - tree.leaves)
    breadth = np.concatenate([np.ones(tree.leaves), np.maximum(below, 1.0)])
    for kind, rows, columns in _blocks(tree):
        at = (..., rows, columns)
        r, part = relative[at], _Part(*(getattr(state, name)[at] for name in _Part._fields))
        levels, runs = _Kept(part.days, part.total, part.square), _Kept(part.days, part.climbed, part.climbed_square)
        usual[at], spread[at], score = _score(levels, r, START[0], days)
        run = climbs.run[at]
        if kind == 0:
            climbed = np.float32(CLIMB) * run
        else:
            mean, sd, climbed = _score(runs, run, START[1], days)
        score = np.where(np.isnan(score), score, np.fmax(score, climbed * climbs.still[at]))
        speaks = np.where(score > RECORD[0] * part.record, score, np.minimum(score, 0.0))
        said = _chance(state.scores[..., kind, :], speaks, kind in (0, *SHOPS))
        many = breadth[rows] if kind in SHOPS else np.ones_like(breadth[rows])
        p[at] = _tempered(said, many[:, None])
        if kind > 0:
            _learn(runs, run, mean, sd, days)
        _learn(levels, r, usual[at], spread[at], days)
        part.days[...] = part.days * _fade(np.isfinite(r), days) + days * np.isfinite(r)
        np.fmax(part.record * np.float32(RECORD[1] ** days), score, out=part.record)
        part.since[...] = np.where(score > EPISODE, np.where(part.since > 0, part.since, moment.number + 1.0), 0.0)
    return Judged(p, usual, spread, relative)


def _tempered(p: Floats, many: Floats) -> Floats:
    """p of means over so many regions, in place, told as far as so many can be believed."""
    limit, share = ALONE
    rare = p < limit
    p[rare] = limit * (p[rare] / limit) ** (1.0 - share / np.broadcast_to(many, p.shape)[rare])
    return p


class _Kept(NamedTuple):
    """What is known of values of one sort: days, sum, sum of squared distances from the mean."""

    days: Singles
    total: Singles
    square: Singles


class _Part(NamedTuple):
    days: Singles
    total: Singles
    square: Singles
    climbed: Singles
    climbed_square: Singles
    record: Singles
    since: Singles


def _blocks(tree: Tree) -> list[tuple[int, slice, slice]]:
    """Kinds of nodes and where they are."""
    rows = len(tree.regions)
    root = rows - (rows > tree.leaves and tree.regions[-1] == ALL)
    found = []
    for i, (first, last) in enumerate(((0, tree.leaves), (tree.leaves, root), (root, rows))):
        for j, (left, right) in enumerate(((0, tree.goods), (tree.goods, len(tree.commodities)))):
            if first < last and left < right:
                found.append((i + 3 * j, slice(first, last), slice(left, right)))
    return found


def _score(kept: _Kept, r: Singles, start: float, days: float) -> tuple[Singles, Singles, Singles]:
    """Usual value, restlessness and score of the values ``r`` of a kind of nodes."""
    known, total, square = (x.sum(axis=(-2, -1), keepdims=True, dtype=np.float64) for x in kept)
    mean = (total / np.maximum(known, days)).astype(np.float32)
    pool = np.where(known > START_DAYS, square / np.maximum(known, days), start**2).astype(np.float32)
    usual = (kept.total + CENTRE_DAYS * mean) / (kept.days + CENTRE_DAYS)
    spread = np.sqrt(np.maximum((kept.square + PRIOR_DAYS * pool) / (kept.days + PRIOR_DAYS), STILL**2))
    return usual, spread, (r - usual) / spread


def _learn(kept: _Kept, r: Singles, usual: Singles, spread: Singles, days: float) -> None:
    """Add values to the sums, in place, all but to ``days``, which values of two sorts share."""
    there = np.isfinite(r)
    moved = np.clip(np.where(there, r - usual, np.float32(0.0)), -INCIDENT * spread, INCIDENT * spread)
    fade = _fade(there, days)
    for sums, added in ((kept.total, np.where(there, usual + moved, np.float32(0.0))), (kept.square, moved**2)):
        sums *= fade
        sums += days * added


def _fade(there: Mask, days: float) -> Singles:
    return np.where(there, np.float32(0.5 ** (days / HALF_LIFE_DAYS)), np.float32(1.0))


def _chance(scores: Floats, z: Singles, many: bool) -> Floats:
    """p of the scores ``z`` (..., regions, commodities) by ``scores`` (..., BINS) of their kind, then added to them.

    Of ``many`` nodes an incident is learned as one in so many at most; of few it may be their normal.
    """
    groups = scores.size // BINS
    flat, tail = z.reshape(groups, -1), _tail(scores.reshape(groups, BINS))
    there = np.isfinite(flat)
    bins = _bin(np.where(there, flat, np.float32(0.0)))
    p = np.take_along_axis(tail.share, bins, axis=-1)
    high = np.nonzero(there & tail.own & (flat > tail.above))
    p[high] = _beyond(tail, high[0], flat[high].astype(np.float64))
    if many:
        bins[high] = np.minimum(bins[high], _bin(tail.most)[high[0], 0])
    bins += BINS * np.arange(groups)[:, None]
    scores += np.bincount(bins[there], minlength=scores.size).reshape(scores.shape)
    return np.where(there, p, np.nan).reshape(z.shape)


class _Tail(NamedTuple):
    share: Floats
    """(..., BINS) share of past scores in this bin or a higher one"""
    above: Floats
    mass: Floats
    shape: Floats
    scale: Floats
    own: Mask
    most: Floats
    """the score of which there would be one among so many: no incident is learned as more"""


def _tail(scores: Floats) -> _Tail:
    n = scores.sum(axis=-1, keepdims=True)
    laplace = np.where(np.arange(BINS) > 0, 0.5 * np.exp(-np.sqrt(2.0) * np.concatenate([[0.0], _EDGES])), 1.0)
    count = np.cumsum(scores[..., ::-1], axis=-1)[..., ::-1]
    share = np.minimum((count + FEW * laplace) / (n + FEW), 1.0)
    least, greatest, wanted = TAIL
    cut = np.clip(wanted / np.maximum(n, 1.0), least, greatest)
    first = np.clip(((count + 0.5) / (n + 1.0) > cut).sum(axis=-1, keepdims=True) - 1, 1, BINS - 2)
    above, mass = _EDGES[first - 1], np.take_along_axis(count, first, axis=-1)
    excess = np.where(np.arange(BINS) >= first, _MIDDLES - above, 0.0)
    mean = ((scores * excess).sum(axis=-1, keepdims=True) + EXCESS[0] * EXCESS[1]) / (mass + EXCESS[1])
    second = (scores * excess**2).sum(axis=-1, keepdims=True) + 2.0 * EXCESS[0] ** 2 * EXCESS[1]
    variance = np.maximum(second / (mass + EXCESS[1]) - mean**2, 1e-9)
    shape = (mass * 0.5 * (1.0 - mean**2 / variance) + SHAPE[0] * SHAPE[1]) / (mass + SHAPE[1])
    shape = np.clip(shape, 0.001, SHAPE[2])
    scale = mean * (1.0 - shape)
    mass = (mass + 0.5) / (n + 1.0)
    rare = np.minimum(1.0 / np.maximum(n, 1.0), mass)
    most = above + scale / shape * ((mass / rare) ** shape - 1.0)
    return _Tail(share, above, mass, shape, scale, n > ENOUGH, most)


def _beyond(tail: _Tail, group: npt.NDArray[np.intp], z: Floats) -> Floats:
    """Share of scores above ``z``, each by the generalised Pareto law of its group."""
    above, mass, shape, scale = (value[group, 0] for value in (tail.above, tail.mass, tail.shape, tail.scale))
    return np.asarray(np.minimum(mass * (1.0 + shape * (z - above) / scale) ** (-1.0 / shape), 1.0))


def _bin(z: Floats | Singles) -> npt.NDArray[np.intp]:
    place = np.log(np.maximum(z, LOWEST / 2.0) / LOWEST) / _STEP + 1.0
    return np.asarray(np.clip(place, 0, BINS - 1), np.intp)
