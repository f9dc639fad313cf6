"""What a log price relative may be: a step that a wrong unit gives, a promotion that nobody told, or a price.

A price that stands at twice or half the usual one, or that fell suddenly, is *held*: it is no relative and teaches
nothing until it is back, or has lasted so long that it is the usual price. It may be true of the whole market, which
one shop cannot know: what is held goes on, and is judged where the market is seen (detectors/held.py).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from agents.normalize.groups import Floats, Ints, Mask
from streams.columns import Quality

Kinds = npt.NDArray[np.int8]

DAY_MS: Final = 86_400_000
LASTING_MS: Final = 10 * DAY_MS
"""What is held for longer becomes the usual price at once; a lasting change is followed by half in as long."""
COUNTED_MS: Final = DAY_MS
"""An article of a shop is newly held once in this time: one that comes at two prices in turn is one witness."""
STEPS: Final[Floats] = np.log([10.0, 500.0, 1000.0])
STEP_WITHIN: Final = 0.1
TWO: Final = float(np.log(2.0))
TWO_WITHIN: Final = 0.06
FALL: Final = float(np.log(0.85))
"""Least sudden fall that is taken for a promotion."""
STILL_TWO_WITHIN: Final = 0.15
STILL_FALL: Final = float(np.log(0.92))
"""The same for what is held already: a price that wavers at the edge is not held and let go line by line."""
NEAR: Final = -STILL_FALL
"""Less than this away from the usual price, up or down, nothing is held."""

DOUBLED, HALVED, FALLEN = np.int8(1), np.int8(-1), np.int8(-2)
"""Why a line is held; the sign is the direction, 0: it is not held."""


def is_step(relative: Floats, within: float) -> Mask:
    """Whether each log relative is that of a factor of 10, 500 or 1000, up or down, but for ``within``; shape (n,).

    >>> is_step(np.log([10.5, 0.0021, 40.0]), 0.1)
    array([ True,  True, False])
    """
    near: Mask = np.abs(np.abs(relative)[:, None] - STEPS).min(axis=1, initial=np.inf) <= within
    return near


def kinds(relative: Floats, before: Kinds) -> Kinds:
    """Why each line is held, int8 (n,), by its log relative and why its article is held ``before``.

    >>> kinds(np.log([2.0, 0.5, 0.8, 1.5, 0.9, 0.9]), np.array([0, 0, 0, 0, 0, -2], np.int8))
    array([ 1, -1, -2,  0,  0, -2], dtype=int8)
    """
    way = np.sign(relative).astype(np.int8)
    two = np.abs(np.abs(relative) - TWO) <= np.where(before == way, STILL_TWO_WITHIN, TWO_WITHIN)
    fallen = relative <= np.where(before == FALLEN, STILL_FALL, FALL)
    return np.where(two, way, np.where(fallen, FALLEN, np.int8(0)))


@dataclass(frozen=True, slots=True)
class Gated:
    """Lines that are held, or whose held price became the usual one; arrays of shape (k,)."""

    line: Ints
    """index of each line"""
    kind: Kinds
    new: Mask
    """the first line with which its article became held, at most once in COUNTED_MS"""
    lasting: Ints
    """indices of lines whose price has been held for so long that it becomes the usual one"""

    @property
    def marks(self) -> npt.NDArray[np.uint16]:
        """Of Quality, for each line that is held."""
        return np.where(self.kind == FALLEN, np.uint16(Quality.PROMO_INFERRED), np.uint16(Quality.UNIT_MISTAKE))


class Holds:
    """Which (shop, article) is held, by slot: ``kind`` (int8, 0: not held), and ``at``, ms UTC of the first line of
    the latest run (int64, 0: none); ``any`` says whether one has ever been."""

    def __init__(self, size: int) -> None:
        self.kind = np.zeros(size, np.int8)
        self.at = np.zeros(size, np.int64)
        self.any = False

    def grow(self, more: int) -> None:
        """Make room for so many further slots."""
        self.kind = np.concatenate([self.kind, np.zeros(more, np.int8)])
        self.at = np.concatenate([self.at, np.zeros(more, np.int64)])

    def written(self, slots: Ints) -> tuple[bytes, bytes, bytes]:
        """What there is to remember of a shop's slots: places among them (int32), kinds and times."""
        place = np.flatnonzero(self.at[slots])
        mine = slots[place]
        return place.astype(np.int32).tobytes(), self.kind[mine].tobytes(), self.at[mine].tobytes()

    def take_back(self, slots: Ints, place: bytes, kind: bytes, at: bytes) -> None:
        """Restore what ``written`` gave."""
        mine = slots[np.frombuffer(place, np.int32)]
        self.kind[mine], self.at[mine] = np.frombuffer(kind, np.int8), np.frombuffer(at, np.int64)
        self.any |= len(mine) > 0

    def gate(self, slot: Ints, relative: Floats, ts: Ints, compared: Mask) -> Gated | None:
        """Say which lines are held, and remember it; None where there are none. A run ends with another price.

        Parameters
        ----------
        slot
            int64 (n,); the lines of one slot must be of one envelope.
        relative
            float64 (n,): log price relative.
        ts
            int64 (n,): ms UTC.
        compared
            bool (n,): the lines whose relative means something; the others change nothing.
        """
        # What is neither low nor about twice the usual price cannot be held, and is all there is on most days.
        far = ((relative <= STILL_FALL) | (relative >= TWO - STILL_TWO_WITHIN)) & compared
        if self.any:
            far |= (self.kind[slot] != 0) & compared
        which = np.flatnonzero(far)
        if not len(which):
            return None
        its, when = slot[which], ts[which]
        before, since = self.kind[its], self.at[its]
        kind = kinds(relative[which], before)
        on = kind != 0
        same = on & (np.sign(kind) == np.sign(before))
        lasting = same & (when - since > LASTING_MS)
        on &= ~lasting
        begun = np.flatnonzero(on & ~same)
        # Backwards: of several lines of a slot the first stands.
        self.at[its[begun][::-1]] = when[begun][::-1]
        # Of several lines of a slot the last one says how it goes on.
        self.kind[its] = np.where(on, kind, np.int8(0))
        self.any |= bool(len(begun))
        new = np.zeros(len(which), np.bool_)
        if len(begun):
            told = begun[(since[begun] == 0) | (when[begun] - since[begun] > COUNTED_MS)]
            _, first = np.unique(its[told], return_index=True)
            new[told[first]] = True
        return Gated(which[on], kind[on], new[on], which[lasting])
