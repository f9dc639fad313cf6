"""From a score to a p: the share of normal time in which a score was at least as high, over all series together.

The scores are log odds, or behave like them: where the model is right, time in the normal state at a score ``s`` falls
off as exp(-s) (a likelihood ratio exceeds c with a chance of at most 1/c: Ville 1939). That is the prior, and the shape
beyond what has been seen; the fading histogram corrects it.
"""

from typing import Final

import numpy as np

from detectors.in_stock_sales import Singles
from detectors.state import Floats

LOWEST: Final = -12.0
STEP: Final = 0.5
BINS: Final = 64
"""log odds of the first bin, width, number of bins"""
_SURE: Final = -2.0
"""the prior is flat below these log odds"""


def tail(scores: Singles, odds: Floats | Singles, weight: Floats | Singles, fade: float) -> Floats:
    """p of each of ``odds`` (..., regions, commodities), in (0, 1], float64.

    ``scores``, float32 (..., BINS), is changed: faded, and ``weight`` (chance that this period was normal, 0 where it
    says nothing) added at each of the odds.
    """
    place = np.clip((odds.astype(np.float64) - LOWEST) / STEP, 0.0, BINS - 1e-3)
    lead = scores.shape[:-1]
    place = place.reshape(*lead, -1)
    index = place.astype(np.int64)
    within = place - index
    flat = (index + np.arange(int(np.prod(lead, dtype=np.int64))).reshape(*lead, 1) * BINS).ravel()
    # Each period is shared between the two bins around it: a score that is always the same is never above itself.
    upper = weight.ravel() * within.ravel()
    new = np.bincount(flat, weight.ravel() - upper, scores.size)
    new += np.bincount(np.minimum(flat + 1, flat - index.ravel() + BINS - 1), upper, scores.size)
    scores[...] = scores * fade + new.reshape(scores.shape)
    counts = scores.astype(np.float64) + np.exp(-np.maximum(LOWEST + STEP * np.arange(BINS), _SURE))
    above = counts[..., ::-1].cumsum(axis=-1)[..., ::-1]
    above = np.log(above / above[..., :1])
    above = np.concatenate([above, above[..., -1:] - STEP], axis=-1)
    low, high = (np.take_along_axis(above, index + i, axis=-1) for i in (0, 1))
    return np.asarray(np.exp(low + within * (high - low)).reshape(odds.shape))
