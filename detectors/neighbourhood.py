"""Spread: circles of neighbouring regions, and groups of goods, that are off together while no one of them is by much.

Every circle and column each period, over the windows of the demand. What it finds has a p and a rarity of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from detectors import calibrate, expectation, windows
from detectors.adjacency import Centres, Groups, circles
from detectors.calibrate import BINS
from detectors.expectation import Singles
from detectors.pace import Pace
from detectors.scan import Subset, best_subset
from detectors.state import Axes, Floats, Ints, State
from detectors.tree import Tree, is_code
from detectors.windows import LEAST_EXPECTED, RING, Windows

SIZES: Final = (4, 8, 16)
"""regions of a circle, the centre among them; those of which there are twice as many regions"""
DIVISIONS: Final = 100
"""groups of goods: the first two digits of their codes"""
CAP: Final = 3.0
"""standard deviations at which a region is cut: one alone must not speak for its neighbours"""
HALF_LIFE_DAYS: Final = 60.0
OWN: Final = 20.0
"""periods of the pool that stand beside a circle's, or a column's, own variance"""
CUT: Final = 3.0
"""standard deviations at which a score is cut before it teaches the variance"""
WARM: Final = 20.0
"""periods before anything is said"""
SCORES_HALF_LIFE_DAYS: Final = 365.0
TAUGHT: Final = 50_000
"""scores of a period that teach the histogram; of more, every n-th circle, by turns"""
MOST: Final = 5
"""finds of one side and period"""
PLAIN: Final = 3.0
"""standard deviations below which no second find is looked for"""


@dataclass(frozen=True)
class Circles:
    """Circles over the given regions that hold no other, the smaller sizes first; rows are circles."""

    members: Groups
    """(rows, largest size), leaves; -1: the circle is smaller"""
    size: Ints
    """(rows,), number among ``SIZES``"""
    order: Ints
    """(goods,), by code: goods of a division stand together"""
    runs: Ints
    """(divisions, 3): first and end of each division in that order, and its number"""
    whole: bool
    """whether all goods together are a column"""

    @classmethod
    def of(cls, tree: Tree, centres: Centres) -> Self:
        """Those of a tree; none where regions are few, or neither have centres nor are division codes."""
        given = tree.regions[: tree.leaves]
        above = {region[:n] for region in given if is_code(region) for n in range(2, len(region))}
        lowest = np.array([i for i, region in enumerate(given) if region not in above], np.int64)
        sizes = [n for n in SIZES if 2 * n <= len(lowest)]
        nearest = np.full((0, 0), -1, np.int64)
        if sizes:
            nearest = circles([given[i] for i in lowest], sizes[-1], centres)
            nearest = np.where(nearest >= 0, lowest[nearest], -1)
        rows = [np.where(np.arange(nearest.shape[1]) < n, nearest, -1)[nearest[:, n - 1] >= 0] for n in sizes]
        size = [np.full(len(of), SIZES.index(n), np.int64) for of, n in zip(rows, sizes, strict=True)]
        order, runs = _divisions(tree.commodities[: tree.goods])
        whole = len(tree.commodities) > tree.goods
        return cls(
            np.concatenate(rows) if rows else nearest,
            np.concatenate(size) if size else np.zeros(0, np.int64),
            order,
            runs,
            whole,
        )

    def goods_of(self, column: int) -> Ints:
        """The goods behind a column: goods in their order, then divisions, then all together."""
        goods = len(self.order)
        if column < goods:
            return np.array([column], np.int64)
        if column < goods + len(self.runs):
            first, end, _ = self.runs[column - goods].tolist()
            return np.sort(self.order[first:end])
        return np.arange(goods)


@dataclass(slots=True)
class Neighbourhood(State):
    """Past scores. Axes: units are the given regions (as centres), codes all commodity nodes."""

    centres: Annotated[Floats, Axes((2, len(SIZES), "units"))]
    """periods, and squares of the scores around this centre (mean over columns); fading"""
    columns: Annotated[Floats, Axes((2, len(SIZES), "codes"))]
    """the same of a column, mean over circles"""
    divisions: Annotated[Floats, Axes((2, len(SIZES), DIVISIONS))]
    """the same of a division of goods"""
    scores: Annotated[Floats, Axes((2, BINS, 2, 1, 1))]
    """histograms of scores in standard deviations, as ``calibrate`` keeps them; last but two: up and down"""
    number: Annotated[Floats, Axes((1,))]
    """periods looked at"""


class Find(NamedTuple):
    """One circle and column that stands out."""

    down: bool
    circle: int
    column: int
    window: int
    p: float
    days: float = 0.0
    """how often chance alone shows as much anywhere"""


def step(state: Neighbourhood, of: Circles, kept: Windows, tree: Tree, pace: Pace) -> tuple[list[Find], int]:
    """The finds of a period, the rarest of each side first, and how many tests that were; then learn, in place.

    For each window ``x = r / v`` and ``b = 1 / v`` of each given region and good: r observed over expected (cut at
    ``CAP`` standard deviations), v its variance. A circle's score is ``2 (sqrt(X) - sqrt(q B))`` with X and B its sums,
    q = X / B over all regions: what the whole country does on a day is no circle's. Its variance is learned by circle
    and by column (mean of each over all of the other, multiplied); the score in standard deviations, the highest of the
    windows, has its p by all earlier ones (``calibrate.chance``). Two finds of a side share no region.

    *Source*: Neill 2009, "Expectation-based scan statistics for monitoring spatial time series data" (weights 1 / v);
    Kulldorff 1997 (against the rest); square roots: Freeman and Tukey 1950. *Fails* for what is less than a few
    counties wide, which the nodes see themselves, and for what is everywhere, which the sums see.
    """
    if not len(of.members):
        return [], 0
    scale = _scale(state, of)
    best, windows_ = _best(of, kept, tree, pace, state, scale)
    # Circles around one centre lie in each other, and say nearly the same.
    tests = int(np.isfinite(best[0]).sum()) // len(np.unique(of.size))
    warm = float(state.centres[0].max(initial=0.0)) >= WARM
    peaks = [_peaks(of, score) for score in best]
    p = _chances(state, best, peaks, pace)
    if not warm:
        return [], 0
    finds = [
        Find(side == 1, circle, column, int(windows_[side][circle, column]), float(p[side, n]))
        for side in (0, 1)
        for n, (circle, column) in enumerate(peaks[side])
    ]
    return finds, tests


def parts(find: Find, of: Circles, kept: Windows, tree: Tree, pace: Pace) -> Subset:
    """The regions of the circle, and the goods of the column, that make up a find: the best subset."""
    x, b = next(pair for k, pair in enumerate(_weights(kept, tree, pace)) if k == find.window)
    within = of.members[find.circle][of.members[find.circle] >= 0]
    goods = of.goods_of(find.column)
    common = x.sum(axis=0, dtype=np.float64) / np.maximum(b.sum(axis=0, dtype=np.float64), 1e-9)
    cells = np.ix_(within, goods)
    found = best_subset(x[cells][None], (b * common)[cells][None], 1.0, np.arange(len(within)), not find.down)
    return found._replace(regions=within[found.regions], commodities=goods[found.commodities], window=find.window)


def _divisions(goods: Sequence[str]) -> tuple[Ints, Ints]:
    """Goods by code, and (divisions, 3) runs in that order of divisions with two or more goods, but not all."""
    order = np.array(sorted(range(len(goods)), key=lambda i: (goods[i], i)), np.int64)
    runs: dict[str, list[int]] = {}
    for at, i in enumerate(order.tolist()):
        if goods[i][:2].isascii() and goods[i][:2].isdigit() and len(goods[i]) >= 2:
            run = runs.setdefault(goods[i][:2], [at, at])
            run[1] = at + 1
    found = [[*run, int(name)] for name, run in runs.items() if 2 <= run[1] - run[0] < len(goods)]
    return order, np.array(found, np.int64).reshape(-1, 3)


def _weights(kept: Windows, tree: Tree, pace: Pace) -> Iterator[tuple[Singles, Singles]]:
    """x and b of each window, float32 (leaves, goods)."""
    newest, done = int(kept.cell[0].flat[0]), 0
    sold, usual = np.zeros((2, *kept.level.shape), np.float32)
    known = expectation.known(kept)
    for k, length in enumerate(windows.cells(pace).windows):
        for i in range(done, length):
            sold += kept.sold[(newest - i) % RING]
            usual += kept.high[(newest - i) % RING]
        done = length
        expected = np.maximum(kept.level * usual, np.float32(LEAST_EXPECTED))
        use = (known & (expected > LEAST_EXPECTED))[: tree.leaves, : tree.goods]
        variance = windows.variance(kept, k, expected)[: tree.leaves, : tree.goods]
        ratio = sold[: tree.leaves, : tree.goods] / expected[: tree.leaves, : tree.goods]
        ratio = np.minimum(ratio, (1.0 + np.float32(CAP / 3.0) * np.sqrt(variance)) ** 3)
        b = np.where(use, 1.0 / variance, np.float32(0.0))
        yield ratio * b, b


def _columns(a: Singles, of: Circles) -> Singles:
    """(leaves + 1, columns): goods, divisions, all together; the last row is nought, for members that are not there."""
    count = len(of.runs)
    goods = a.shape[1]
    out = np.zeros((len(a) + 1, goods + count + of.whole), np.float32)
    out[:-1, :goods] = a
    for n, (first, end, _) in enumerate(of.runs.tolist()):
        a[:, of.order[first:end]].sum(axis=1, out=out[:-1, goods + n])
    if of.whole:
        a.sum(axis=1, out=out[:-1, -1])
    return out


def _around(a: Singles, of: Circles) -> Singles:
    """Sums over the members of each circle, (rows, columns)."""
    out = np.empty((len(of.members), a.shape[1]), np.float32)
    for n in np.unique(of.size).tolist():
        rows = np.flatnonzero(of.size == n)
        members = of.members[rows]
        total = a[members[:, 0]]
        for j in range(1, SIZES[n]):
            total += a[members[:, j]]
        out[rows[0] : rows[-1] + 1] = total
    return out


def _best(
    of: Circles, kept: Windows, tree: Tree, pace: Pace, state: Neighbourhood, scale: Singles
) -> tuple[list[Singles], list[npt.NDArray[np.int8]]]:
    """Highest score over windows in standard deviations, up and down, (rows, columns), NaN: none; and its window."""
    best, at = [], []
    middle = len(windows.cells(pace).windows) // 2
    for k, (x, b) in enumerate(_weights(kept, tree, pace)):
        x, b = _columns(x, of), _columns(b, of)
        common = x.sum(axis=0, dtype=np.float64) / np.maximum(b.sum(axis=0, dtype=np.float64), 1e-9)
        base = _around(b, of)
        score = 2.0 * (np.sqrt(_around(x, of)) - np.sqrt(base * common.astype(np.float32)))
        score[base <= 0.0] = np.nan
        if k == middle:
            _learn(state, of, score, scale, pace)
        score /= scale
        for side, s in enumerate((score, -score)):
            if k == 0:
                best.append(s)
                at.append(np.zeros(s.shape, np.int8))
            else:
                higher = s > best[side]
                np.copyto(best[side], s, where=higher)
                at[side][higher] = k
    return best, at


def _scale(state: Neighbourhood, of: Circles) -> Singles:
    """Standard deviation of each score, float32 (rows, columns): the circle's times the column's."""
    column = _columns_of(state, of)
    pool = state.centres[1].sum(axis=1) / np.maximum(state.centres[0].sum(axis=1), 1e-9)
    pool = np.where(state.centres[0].sum(axis=1) > 0.0, np.maximum(pool, 0.01), 1.0)[:, None]
    by_centre = (state.centres[1] + OWN * pool) / (state.centres[0] + OWN)
    by_column = (column[1] + OWN * pool) / (column[0] + OWN)
    rows = np.sqrt(by_centre / pool)[of.size, of.members[:, 0]]
    return np.asarray(rows[:, None] * np.sqrt(by_column)[of.size], np.float32)


def _columns_of(state: Neighbourhood, of: Circles) -> Floats:
    """Periods and squares of the columns, (2, sizes, columns)."""
    goods = len(of.order)
    whole = state.columns[..., goods : goods + of.whole]
    return np.concatenate([state.columns[..., :goods], state.divisions[..., of.runs[:, 2]], whole], -1)


def _learn(state: Neighbourhood, of: Circles, score: Singles, scale: Singles, pace: Pace) -> None:
    """Squares of the scores, cut at ``CUT`` standard deviations, by centre and by column."""
    fade = 0.5 ** (1.0 / (HALF_LIFE_DAYS * max(pace.ticks_per_day, 1.0)))
    seen = np.isfinite(score)
    limit = np.float32(CUT) * scale
    square = np.where(seen, np.minimum(score * score, limit * limit), np.float32(0.0))
    goods, runs = len(of.order), of.runs[:, 2]
    for n in np.unique(of.size).tolist():
        rows = of.size == n
        count = seen[rows].sum(axis=1)
        there = count > 0
        at = of.members[rows, 0][there]
        mean = square[rows].sum(axis=1, dtype=np.float64)[there] / count[there]
        state.centres[:, n, at] = state.centres[:, n, at] * fade + np.stack([np.ones(len(at)), mean])
        count = seen[rows].sum(axis=0)
        there = count > 0
        mean = square[rows].sum(axis=0, dtype=np.float64) / np.maximum(count, 1)
        new = np.where(there, np.stack([np.ones(len(mean)), mean]), 0.0)
        kept = np.where(there, fade, 1.0)
        for array, where, cells in (
            (state.columns, np.arange(goods), slice(0, goods)),
            (state.divisions, runs, slice(goods, goods + len(runs))),
            (state.columns, np.arange(goods, goods + of.whole), slice(goods + len(runs), None)),
        ):
            array[:, n, where] = array[:, n, where] * kept[cells] + new[:, cells]


def _peaks(of: Circles, score: Singles) -> list[tuple[int, int]]:
    """Circle and column of the highest scores of a side, of which no two share a region."""
    free = score.max(axis=1, where=np.isfinite(score), initial=-np.inf)
    found: list[tuple[int, int]] = []
    while len(found) < MOST:
        circle = int(free.argmax())
        if free[circle] < (PLAIN if found else -1e9):
            break
        found.append((circle, int(np.nanargmax(score[circle]))))
        members = of.members[circle]
        free[np.isin(of.members, members[members >= 0]).any(axis=1)] = -np.inf
    return found


def _chances(state: Neighbourhood, best: list[Singles], peaks: list[list[tuple[int, int]]], pace: Pace) -> Floats:
    """p of the peaks of both sides, (2, MOST); then scores are counted, those of the circles by turns."""
    turns = min(max(1, best[0].size // TAUGHT), len(best[0]))
    turn = int(state.number[0]) % turns
    state.number += 1.0
    some = np.stack([score[turn::turns].ravel() for score in best])[:, None]
    tops = np.full((2, 1, MOST), np.nan, np.float32)
    for top, score, cells in zip(tops[:, 0], best, peaks, strict=True):
        top[: len(cells)] = [score[cell] for cell in cells]
    p = calibrate.chance(state.scores, np.concatenate([tops, some], axis=-1), pace)
    fade = 0.5 ** (1.0 / (SCORES_HALF_LIFE_DAYS * max(pace.ticks_per_day, 1.0)))
    calibrate.count(state.scores, np.zeros(some.shape, np.float32), some, p[..., MOST:], 0.0, fade, pace)
    return p[:, 0, :MOST]
