"""What a series does beside its siblings: a deviation from what the others' own deviations explain.

On a holiday, in a heat wave, on a pay day all shops move together. What is left of one of them after that is a second
score beside its own: alone it would be blind to what hits all, together with it the common noise is gone.
"""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from detectors.expectation import Singles
from detectors.pace import Pace
from detectors.state import Axes, Ints
from detectors.tree import Tree
from detectors.windows import WINDOWS, Scores, Windows

HALF_LIFE_DAYS: Final = 28.0
PRIOR: Final = (0.02, 0.01)
"""squares of the common deviation, its product with the own one, before anything is known"""
PRIOR_PERIODS: Final = 20.0
LEFT: Final = 0.85
LEFT_MORE: Final = 0.01
LEFT_PERIODS: Final = 60.0
"""share of the window's variance, and what is added to it, that is left before anything is known; the periods that this
counts for: what is left hangs together over days more than the window's own deviation"""
MOST_SHARE: Final = 1.2
"""of the others' deviation that a series may be expected to share"""
CUT: Final = 3.0
"""standard deviations at which what is left is cut before it teaches"""
FAR: Final = 1.5
"""a sibling's deviation counts for no more in the mean"""
LEAST: Final = 2.0
"""siblings that must report"""
OWN_WEIGHT: Final = 0.63
SIBLING_WEIGHT: Final = 0.45
"""of the two scores in their sum, before it is scaled to unit variance; weights from 0.5 to 0.7 and 0.55 to 0.35 found
the same"""


@dataclass(slots=True)
class Siblings(Windows):
    """Beside the windows: fading sums, float32."""

    common: Annotated[Singles, Axes((4, WINDOWS, "units", "codes"), "f4")]
    """as PRIOR, and squares of what is left, of each window, beyond the prior; periods"""


def beside(state: Siblings, scores: Scores, tree: Tree, pace: Pace) -> Scores:
    """The scores with those of what siblings leave unexplained, in place where there are siblings.

    ``d = 3 (cbrt(O / E) - 1) + min(v / 3, 1)``, v its variance: without the last term, all series would seem to fall
    together in each quiet hour. ``g`` is the mean of d over the given regions outside of the node's own city (or
    whatever the smallest region above is), ``e = d - share g`` with share by least squares;
    ``z' = (0.63 z + 0.45 e / sd(e)) / sqrt(0.6 + 0.57 r)`` with ``r^2 = var(e) / var(d)``, the square of the
    correlation of the two: z' is comparable with the z of nodes that have no siblings. Source: regression on concurrent
    controls (Brodersen et al. 2015 use the same for the effect of an event).
    """
    apart = tree.apart
    if not (apart >= 0).any():
        return scores
    with np.errstate(divide="ignore", invalid="ignore"):
        d = 3.0 * (np.cbrt(scores.observed / scores.high) - 1.0) + np.minimum(scores.variance / 3.0, 1.0)
    d[np.isnan(scores.up)] = np.nan
    g = _others(d, tree, apart)
    share, spread, together = _known(state, scores.variance)
    left = d - share * g
    z = left / spread
    _learn(state, d, g, left, spread, pace)
    scale = np.sqrt(OWN_WEIGHT**2 + SIBLING_WEIGHT**2 + 2.0 * OWN_WEIGHT * SIBLING_WEIGHT * together)
    up, down = (
        np.where(np.isnan(z), own, (OWN_WEIGHT * own + SIBLING_WEIGHT * z) / scale) for own in (scores.up, scores.down)
    )
    return scores._replace(up=np.asarray(up, np.float32), down=np.asarray(down, np.float32))


def _others(d: Singles, tree: Tree, apart: Ints) -> Singles:
    """Mean of the deviations of the regions outside, (windows, ..., regions, commodities); NaN: too few."""
    given = d[..., : tree.leaves, :]
    total = np.nan_to_num(tree.over_regions(np.clip(given, -FAR, FAR)))
    count = np.nan_to_num(tree.over_regions(np.where(np.isnan(given), np.nan, 1.0)))
    n = count[..., -1:, :] - count[..., apart, :]
    mean = (total[..., -1:, :] - total[..., apart, :]) / np.maximum(n, 1.0)
    return np.asarray(np.where((n >= LEAST) & (apart >= 0)[:, None], mean, np.nan), np.float32)


def _known(state: Siblings, variance: Singles) -> tuple[Singles, Singles, Singles]:
    """Share, standard deviation of what is left, and its correlation with the deviation itself, of each node."""
    squares, product = (state.common[i] + PRIOR_PERIODS * prior for i, prior in enumerate(PRIOR))
    share = np.clip(product / squares, 0.0, MOST_SHARE)
    periods = state.common[3]
    left = (state.common[2] + LEFT_PERIODS * (LEFT * np.nan_to_num(variance) + LEFT_MORE)) / (periods + LEFT_PERIODS)
    shared = share * share * squares / (periods + PRIOR_PERIODS)
    together = np.sqrt(left / np.maximum(left + shared, 1e-9))
    return np.asarray(share, np.float32), np.asarray(np.sqrt(left) + 1e-3, np.float32), np.asarray(together, np.float32)


def _learn(state: Siblings, d: Singles, g: Singles, left: Singles, spread: Singles, pace: Pace) -> None:
    there = ~np.isnan(left)
    fade = np.where(there, 0.5 ** (1.0 / (HALF_LIFE_DAYS * max(pace.ticks_per_day, 1.0))), 1.0).astype(np.float32)
    limit = CUT * spread
    x = np.where(there, g, 0.0)
    y = np.clip(np.where(there, d, 0.0), -limit - 0.5, limit + 0.5)
    e = np.clip(np.where(there, left, 0.0), -limit, limit)
    state.common[...] = state.common * fade + np.stack([x * x, x * y, e * e, there.astype(np.float32)])
