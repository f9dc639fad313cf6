"""From a score to the chance of one as high when nothing is wrong: by what all series scored before, and its tail."""

from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.pace import DAY_MS, Pace
from detectors.state import Floats

Singles = npt.NDArray[np.float32]

BINS: Final = 256
LOWEST: Final = -4.0
HIGHEST: Final = 28.0
"""range of the histogram of scores; what lies beyond counts in its first or last bin"""
STEP: Final = (HIGHEST - LOWEST) / BINS
PRIOR_SCORES: Final = 300.0
PRIOR_MIDDLE: Final = 0.6
PRIOR_STEEPNESS: Final = 2.2
"""until scores are known they count as so many of a logistic distribution: 1 in 200 above 3"""
TAIL_SCORES: Final = 40.0
TAIL_MOST: Final = 0.05
TAIL_LEAST: Final = 0.003
"""the tail begins where so many scores lie above, between 5 % and 0.3 % of all"""
TAIL_PRIOR: Final = 40.0
TAIL_MEAN: Final = 0.45
"""exceedances that the prior counts for, and their mean"""
TAIL_SHAPE: Final = 0.08
"""shape of the generalised Pareto tail: heavier than exponential"""
FARTHEST: Final = 4.0
"""an exceedance counts for at most so much in the mean: one past incident must not stretch the tail of all"""
LEAST: Final = 1e-12
FLAGGED: Final = 1e-3
"""p from which on an incident is taken to go on: it counts once, as beyond what is known"""
ROW: Final = 2.0
ROW_WITHIN_A_DAY: Final = 5.0
"""scores that an incident counts for: about as many as chance alone gives in a row, in days and in hours"""
ALONE: Final = 1.0
ALONE_WITHIN_A_DAY: Final = 5.0
"""scores that all incidents which begin in one period may count for together, in days and in hours: what hits a
region hits its goods and all that it is a part of, and is one incident"""
AT_ONCE: Final = 3.0
"""times what chance gives in a period that they may count for beside: of many series some begin by chance"""
PRIOR_WITHIN_A_DAY: Final = 8.0
"""times the weights of the priors where periods are shorter than a day: their scores hang together"""
_EDGES: Final = LOWEST + STEP * np.arange(BINS + 1)


def chance(scores: Floats, score: Singles, pace: Pace) -> Floats:
    """p of each score, float64 of its shape, NaN where the score is.

    ``scores``: (2, BINS, ..., 1, 1) of the histogram that ``count`` keeps: scores, and those of incidents, of which it
    is only known that they were as high. Below the tail the share of earlier scores as high (linear within a bin); in
    it ``q (1 + xi x / s)^(-1/xi)``, x the exceedance, the scale s by the sum of all exceedances, each cut at
    ``FARTHEST``, over the number of those that are no incident's. Source: peaks over threshold (Pickands 1975; Davison
    and Smith 1990), censored mean (Epstein and Sobel 1953).
    """
    lead = score.shape[:-2]
    counts = _rows(scores)
    flat = np.nan_to_num(score.reshape(len(counts), -1).astype(np.float64), nan=LOWEST)
    table = np.stack([_log_survival(row, pace) for row in counts])
    at = np.clip((flat - LOWEST) / STEP, 0.0, BINS - 1e-6)
    low = at.astype(np.int64)
    left, right = np.take_along_axis(table, low, -1), np.take_along_axis(table, low + 1, -1)
    p = np.clip(np.exp(left + (right - left) * (at - low)), LEAST, 1.0).reshape(*lead, *score.shape[-2:])
    return np.where(np.isnan(score), np.nan, p)


def count(scores: Floats, held: Singles, score: Singles, p: Floats, hold: float, fade: float, pace: Pace) -> None:
    """Add scores to the histogram, in place, after everything in it has faded.

    What was flagged is never learned as normal: from its first flag until ``hold`` periods after its last one a series
    counts for one ``ROW`` at most, as high as the least that is flagged. ``held``, like ``score``, has the periods for
    which this still lasts.
    """
    counts = _rows(scores)
    edge = np.stack([np.searchsorted(-_log_survival(row, pace), -np.log(FLAGGED)) for row in counts])
    flagged = p < FLAGGED
    once, alone = (ROW, ALONE) if pace.tick_ms >= DAY_MS else (ROW_WITHIN_A_DAY, ALONE_WITHIN_A_DAY)
    free = (~np.isnan(score) & (held <= 0.0)).reshape(len(counts), -1)
    many = (free & flagged.reshape(free.shape)).sum(axis=1, keepdims=True) * once
    most = alone + AT_ONCE * FLAGGED * free.sum(axis=1, keepdims=True)
    weight = np.where(flagged.reshape(free.shape), once * np.minimum(1.0, most / np.maximum(many, once)), 1.0) * free
    held[...] = np.where(flagged, hold, np.maximum(held - 1.0, 0.0))
    bins = np.clip((np.nan_to_num(score, nan=LOWEST) - LOWEST) / STEP, 0, BINS - 1).astype(np.int64)
    bins = np.minimum(bins.reshape(len(counts), -1), np.minimum(edge, BINS - 1)[:, None])
    beyond = flagged.reshape(len(counts), -1).astype(np.int64)
    at = bins + BINS * (beyond + 2 * np.arange(len(counts))[:, None])
    new = np.bincount(at.ravel(), weight.ravel(), minlength=counts.size).reshape(*score.shape[:-2], 2, BINS)
    scores *= fade
    scores[..., 0, 0] += np.moveaxis(new, (-2, -1), (0, 1))


def _rows(scores: Floats) -> Floats:
    """The histograms of all leading axes below each other, (n, 2, BINS)."""
    return np.moveaxis(scores[..., 0, 0], (0, 1), (-2, -1)).reshape(-1, 2, BINS)


def _log_survival(counts: Floats, pace: Pace) -> Floats:
    """Log of the share of scores at or above each edge, (BINS + 1,); ``counts`` (2, BINS)."""
    prior = 1.0 / (1.0 + np.exp(PRIOR_STEEPNESS * (_EDGES - PRIOR_MIDDLE)))
    every, known = counts.sum(axis=0), counts[0]
    times = 1.0 if pace.tick_ms >= DAY_MS else PRIOR_WITHIN_A_DAY
    least, weight = times * PRIOR_SCORES, times * TAIL_PRIOR
    above = np.append(np.cumsum(every[::-1])[::-1], 0.0)
    total = above[0]
    share = (above + least * prior) / (total + least)
    q = np.clip(TAIL_SCORES / (total + least), TAIL_LEAST, TAIL_MOST)
    first = int(np.searchsorted(-share, -q))
    over = _EDGES - _EDGES[first]
    middles = np.minimum(over[first:-1] + STEP / 2, FARTHEST)
    mean = (every[first:] @ middles + weight * TAIL_MEAN) / (known[first:].sum() + weight)
    scale = mean * (1.0 - TAIL_SHAPE)
    tail = np.log(share[first]) - np.log1p(TAIL_SHAPE * np.maximum(over, 0.0) / scale) / TAIL_SHAPE
    return np.asarray(np.where(np.arange(BINS + 1) < first, np.log(share), tail), np.float64)
