"""Which enterprises lines came from of late, as masks that name none (streams/chains.py): by hour, and by day."""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from detectors.pace import DAY_MS, HOUR_MS
from detectors.state import Axes, Bits, Ints, State
from streams.ticks import number_of, start_of

_HOURS: Final = 8
_DAYS: Final = 2
_Place = int | slice


@dataclass(slots=True)
class Chains(State):
    """Rings of the last hours and, behind them, of the last days (of bars where these are longer)."""

    number: Annotated[Ints, Axes((_HOURS + _DAYS,), "i8")]
    """of the hour or day in each place, since 1970 in China's time, 0: none"""
    masks: Annotated[Bits, Axes((_HOURS + _DAYS, "units", "codes"), "u8")]
    """unit 0, the city itself, stays zero: it is the others together"""


def add(state: Chains, tick: int, bar_ms: int, unit: Ints, code: Ints, masks: Bits) -> None:
    """OR the masks of the rows of a tick (start, ms UTC), each of shape (n,), into its hour and day, in place.

    What is older than the newest in its place of the ring is left out.
    """
    if not len(masks):
        return
    for first, places, length in _rings(bar_ms):
        number = number_of(tick, length)
        place = first + number % places
        if number > state.number[place]:
            state.number[place] = number
            state.masks[place] = 0
        if number == state.number[place]:
            np.bitwise_or.at(state.masks[place], (unit, code), masks)


def since(state: Chains, start: int, bar_ms: int, unit: _Place, code: _Place) -> np.uint64:
    """The mask of all rows since the hour of ``start`` (ms UTC), of one unit and commodity or of several together.

    Where that is before the hours that are known, since the beginning of its day, or of the first day that is known.
    """
    chosen = np.zeros(len(state.number), np.bool_)
    for first, places, length in _rings(bar_ms):
        numbers = state.number[first : first + places]
        chosen[first : first + places] = (numbers > 0) & (numbers >= number_of(start, length))
        if start >= start_of(int(numbers.max()) - places + 1, length):
            break
    mask: np.uint64 = np.bitwise_or.reduce(state.masks[chosen, unit, code], axis=None)
    return mask


def _rings(bar_ms: int) -> tuple[tuple[int, int, int], ...]:
    """First place, places, and length in ms of what stands in one."""
    return (0, _HOURS, max(HOUR_MS, bar_ms)), (_HOURS, _DAYS, max(DAY_MS, bar_ms))
