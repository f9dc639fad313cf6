"""The univariate path over many files at once."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from detectors.univariate import SLOTS, Univariate, step
from streams.world import Floats
from tests.bench.detection.nab import File

_DAY_S: Final = 86_400


def scores_of(files: Sequence[File]) -> list[Floats]:
    """-log10 of the smaller p of each row, an array (T,) a file; files run side by side, each by its own clock."""
    longest = max(len(file.values) for file in files)
    values, slots = np.full((longest, len(files), 1), np.nan), np.zeros((longest, len(files), 1), np.int64)
    for number, file in enumerate(files):
        values[: len(file.values), number, 0] = file.values
        seconds = file.times.astype(np.int64) % _DAY_S
        slots[: len(file.values), number, 0] = seconds * SLOTS // _DAY_S
    state = Univariate.empty(units=len(files), codes=1)
    scores = np.zeros((longest, len(files)))
    for t in range(longest):
        sides = step(state, values[t], slots[t])
        scores[t] = -np.log10(np.fmax(np.fmin(sides.up, sides.down), 1e-300))[:, 0]
    return [np.nan_to_num(scores[: len(file.values), number]) for number, file in enumerate(files)]
