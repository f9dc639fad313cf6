"""river's half-space trees as a baseline: one forest a series, on the ratio to what is expected."""

from typing import Any, Final

import numpy as np
from river.anomaly import HalfSpaceTrees

from streams.world import Floats

_TREES, _HEIGHT, _WINDOW = 10, 6, 60
_LIMITS: Final = (0.0, 1.0)


def half_space_trees(values: Floats, mean: Floats, per_day: int, seed: int = 1) -> Floats:
    """1 - score of HalfSpaceTrees (Tan, Ting and Liu 2011), (files, T, nodes); scored before it is learned.

    Two features: log ratio of the period and of the last three days to what is expected, as shares of [1/4, 4]. What is
    below the usual counts as usual, for a drop is no rush.
    """
    known = ~(np.isnan(values) | np.isnan(mean))
    long = 3 * per_day
    seen, due = (np.cumsum(np.where(known, x, 0.0), axis=1) for x in (values, mean))
    seen[:, long:], due[:, long:] = seen[:, long:] - seen[:, :-long], due[:, long:] - due[:, :-long]
    features = [
        np.clip(np.log((np.nan_to_num(y) + 1.0) / (np.nan_to_num(mu) + 1.0)) / np.log(16.0) + 0.5, 0.0, 1.0)
        for y, mu in ((values, mean), (seen, due))
    ]
    p = np.full(values.shape, np.nan)
    for file in range(values.shape[0]):
        for node in range(values.shape[2]):
            forest: Any = HalfSpaceTrees(
                n_trees=_TREES,
                height=_HEIGHT,
                window_size=_WINDOW * per_day,
                limits={"now": _LIMITS, "days": _LIMITS},
                seed=seed,
            )
            column = zip(known[file, :, node], *(f[file, :, node].tolist() for f in features), strict=True)
            for t, (there, now, days) in enumerate(column):
                if there:
                    x = {"now": now, "days": days}
                    score = forest.score_one(x) if days > 0.5 else 0.0
                    p[file, t, node] = 1.0 - score
                    forest.learn_one(x)
    return p
