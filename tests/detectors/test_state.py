"""States grow by what knows nothing, and can be made to forget."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from detectors.state import Axes, Floats, PerSeries, State


@dataclass(slots=True)
class Some(State):
    series: PerSeries
    slots: Annotated[Floats, Axes((2,))]


def test_a_state_grows_by_zeros_and_keeps_what_it_knew() -> None:
    state = Some.empty(units=1, codes=2)
    state.series[:] = 7.0
    state.grow(units=2, codes=3)
    assert state.series.tolist() == [[7.0, 7.0, 0.0], [0.0, 0.0, 0.0]]
    assert state.slots.shape == (2,)


def test_one_commodity_is_forgotten_and_no_other() -> None:
    state = Some.empty(units=1, codes=2)
    state.series[:] = 7.0
    state.slots[:] = 7.0
    state.forget(1)
    assert state.series.tolist() == [[7.0, 0.0]]
    assert state.slots.tolist() == [7.0, 7.0]


def test_the_arrays_of_a_state_make_the_same_state_again() -> None:
    state = Some.empty(units=2, codes=2)
    state.series[1, 1] = 3.0
    again = Some(**state.arrays())
    assert np.array_equal(again.series, state.series)
