"""What one respondent's figures demand of a published table: which cells are sensitive, and how wide they must stay.

Pure: arrays in, arrays out. Sources: A. Hundepool et al., Statistical Disclosure Control (2012), ch. 4 (p % rule,
minimum frequency, protection levels); tau-ARGUS manual (safety range of the frequency rule).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class DisclosureError(ValueError):
    """A table cannot be made safe, or cannot be read; says what to do."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When a cell is sensitive. ``p`` is not to be published; ``minimum`` may be.

    ``minimum``: fewest contributors, holdings merged. ``p``: nobody among the contributors may learn another's figure
    to within ``p`` percent. ``margin``: what is hidden for too few contributors must stay unknown by at least so many
    percent of its value to both sides.
    """

    minimum: int = 3
    p: float = 10.0
    margin: float = 15.0

    def __post_init__(self) -> None:
        if self.minimum < 2 or not 0 < self.p <= 100 or not 0 <= self.margin <= 100:
            raise DisclosureError(
                "expected at least 2 contributors, p above 0 and up to 100, a margin of 0 to 100 percent; "
                f"got {self.minimum}, {self.p:g}, {self.margin:g}"
            )


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of each cell, as its contributors make it up; all arrays of length cells.

    ``total``, ``largest``, ``second``: non-negative (fen, or g, ml, thousandths of a piece); ``contributors``: holdings
    with more than nothing; ``owner``: number of the holding of the largest contribution, -1 where there is none.
    """

    total: Ints
    largest: Ints
    second: Ints
    contributors: Indices
    owner: Indices

    def take(self, cells: Flags | Ints | Indices) -> "Measure":
        """The measure of some of the cells."""
        return Measure(*(getattr(self, name)[cells] for name in self.__slots__))


def is_sensitive(measure: Measure, rule: Rule) -> Flags:
    """Whether each cell gives a contributor away if its total is published.

    >>> one = Measure(*(np.array([n]) for n in (110_000, 52_000, 50_000)), np.array([3], np.int32), np.array([0]))
    >>> bool(is_sensitive(one, Rule(p=10))[0]), bool(is_sensitive(one, Rule(p=20))[0])
    (False, True)
    """
    few = (measure.contributors > 0) & (measure.contributors < rule.minimum)
    dominated: Flags = _rest(measure) < rule.p / 100 * measure.largest
    return few | dominated


def protection(measure: Measure, rule: Rule) -> Ints:
    """How far below and above its value an outsider must hold each cell possible; 0 where it is not sensitive.

    By the p % rule the second largest contributor, who takes his own figure off the upper bound U of the total, must
    not come within p percent of the largest: ``U - x2 >= (1 + p/100) x1``, so ``U >= X + p/100 x1 - (X - x1 - x2)``.
    Downwards as much again. Where there are too few contributors, at least ``margin`` percent of the value.
    """
    few = (measure.contributors > 0) & (measure.contributors < rule.minimum)
    by_p = rule.p / 100 * measure.largest - _rest(measure)
    need = np.ceil(np.maximum(by_p, np.where(few, rule.margin / 100 * measure.total, 0.0))).astype(np.int64)
    out: Ints = np.where(is_sensitive(measure, rule), np.minimum(np.maximum(need, 1), measure.total), 0)
    return out


def protection_from_owner(measure: Measure, rule: Rule) -> Ints:
    """The same against the holding that is the largest of the cell and knows its own figure: it is after the second.

    0 where there is no second, or where the rest hides it.
    """
    few = (measure.contributors > 1) & (measure.contributors < rule.minimum)
    by_p = rule.p / 100 * measure.second - _rest(measure)
    need = np.ceil(np.maximum(by_p, np.where(few, rule.margin / 100 * measure.second, 0.0))).astype(np.int64)
    out: Ints = np.minimum(np.maximum(need, 0), measure.second)
    return out


def _rest(measure: Measure) -> Ints:
    return measure.total - measure.largest - measure.second
