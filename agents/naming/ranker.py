"""Weighs the candidates of a name: a log-linear model over few features that have names, and so can be reviewed."""

from dataclasses import dataclass, field
from importlib.resources import files
from math import exp
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from agents.naming.features import NAMES

Floats = npt.NDArray[np.float64]


class _File(msgspec.Struct):
    temperature: float
    least: float
    weights: dict[str, float]


@dataclass(frozen=True, slots=True)
class Ranker:
    """``weights`` float64 of shape (features,); ``temperature`` above 1 makes it less sure of itself.

    Below the probability ``least`` of its best candidate it declines.
    """

    weights: Floats
    temperature: float = 1.0
    least: float = 0.0
    plain: list[float] = field(init=False)
    """the weights as Python's own numbers: a name has too few features for numpy to pay"""

    def __post_init__(self) -> None:
        object.__setattr__(self, "plain", self.weights.tolist())

    def probabilities(self, features: list[list[tuple[int, float]]]) -> list[float]:
        """Chance of each candidate, from the features that are not 0, as features.candidates gives them."""
        weights = self.plain
        scores = [sum([weights[i] * v for i, v in pairs]) for pairs in features]
        most = max(scores)
        raised = [exp((s - most) / self.temperature) for s in scores]
        total = sum(raised)
        return [r / total for r in raised]


FILE: Final = "ranker.json"


def load(name: str = FILE) -> Ranker:
    """The ranker of the product. Raises msgspec.ValidationError where the file is something else."""
    stored = msgspec.json.decode((files("agents.naming") / "data" / name).read_bytes(), type=_File)
    if set(stored.weights) != set(NAMES):
        odd = sorted(set(stored.weights) ^ set(NAMES))
        raise msgspec.ValidationError(f"{name}: expected a weight for each feature; differing: {odd}. Train it again")
    return Ranker(np.array([stored.weights[n] for n in NAMES]), stored.temperature, stored.least)


def save(ranker: Ranker, path: str) -> None:
    """Write the ranker as JSON that a person can read."""
    weights = {n: round(float(w), 4) for n, w in zip(NAMES, ranker.weights, strict=True)}
    data = msgspec.json.format(msgspec.json.encode(_File(ranker.temperature, ranker.least, weights)), indent=1)
    with open(path, "wb") as out:  # noqa: PTH123 (a plain path from the command line)
        out.write(data + b"\n")
