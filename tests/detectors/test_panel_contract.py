"""What holds for every detector of the panel, and for the panel as a whole: all go through the same checks.

Warnings are errors.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.moment import moment_of
from detectors.pace import DAY_MS, HOUR_MS, WEEK_MS, Pace
from detectors.panel import Frame
from detectors.state import Floats
from detectors.tree import Tree
from tests.detectors.market import FIVE_MINUTES, START
from tests.detectors.subjects import (
    DAILY,
    GOODS,
    NEWS,
    REGIONS,
    SHAPE,
    TREE,
    New,
    Subject,
    calm,
    changed,
    hit,
    interruptions,
    length,
    reported,
    run,
    starts,
    whole_panel,
)

TEN_SECONDS: Final = 10_000
ROUNDING: Final = 0.0
CHANCE: Final = 1e-6
"""Chance alone brings no smaller p in the few hundred to thousand that are told here."""
every = pytest.mark.parametrize("new", NEWS.values(), ids=NEWS)
LEARNERS: Final = [new for new in NEWS.values() if new not in (interruptions, whole_panel)]
"""Those who learn what is usual, and are not given it."""


@cache
def said_of_hit(new: New) -> Floats:
    """What is said of the days in the last of which something is wrong."""
    said = run(new(TREE, DAILY), starts(hit(new)))
    said.flags.writeable = False
    return said


@cache
def _warm(new: New) -> Subject:
    subject = new(TREE, DAILY)
    run(subject, starts(calm(new)))
    return subject


def warm(new: New) -> Subject:
    """One that has seen the calm days."""
    return _warm(new).restored()


def sound(p: Floats) -> bool:
    return bool((np.isnan(p) | ((p >= 0.0) & (p <= 1.0 + ROUNDING))).all())


def least(p: Floats) -> float:
    """The smallest p, 1 where nothing was judged."""
    return float(np.fmin.reduce(p, axis=None, initial=1.0))


def framed(values: npt.ArrayLike) -> Frame:
    """The same of quantity, price and stock."""
    return Frame(*(np.broadcast_to(np.asarray(values, np.float64), SHAPE).copy() for _ in range(3)))


@every
def test_something_is_judged_and_what_is_wrong_is_found(new: New) -> None:
    said = said_of_hit(new)
    assert sound(said)
    assert least(said[-3:]) < 0.03


@every
def test_nothing_at_all_is_nothing_unusual(new: New) -> None:
    assert least(run(new(TREE, DAILY), starts([framed(np.nan)] * 20))) > 0.05


@pytest.mark.parametrize("new", LEARNERS, ids=lambda new: new.__name__)
@pytest.mark.parametrize("value", [0.1, 1.0, 20.0, 1e9])
def test_the_same_every_period_is_nothing_unusual(new: New, value: float) -> None:
    assert least(run(new(TREE, DAILY), starts([framed(value)] * length(new)))) > 1e-3


@every
def test_one_observation_is_no_evidence(new: New) -> None:
    frames = [framed(np.nan)] * 3 + calm(new)[:1] + [framed(np.nan)] * 12
    assert least(run(new(TREE, DAILY), starts(frames))) > 1e-3


@every
@pytest.mark.parametrize(("value", "periods"), [(1e15, 1), (1e15, 20), (-1e15, 2), (1e-12, 3), (0.0, 3), (-7.0, 3)])
def test_extreme_values_give_sound_ps_and_do_not_make_a_detector_mute(new: New, value: float, periods: int) -> None:
    frames = [framed(value)] * periods + calm(new)[-15:]
    said = run(warm(new), starts(frames, first=length(new)))
    assert sound(said)
    assert np.isfinite(said[-1]).sum() == np.isfinite(said_of_hit(new)[-1]).sum()


@every
@pytest.mark.parametrize("scale", [1e15, 1e-9])
def test_any_unit_gives_sound_ps(new: New, scale: float) -> None:
    assert sound(run(new(TREE, DAILY), starts(changed(calm(new), lambda a: a * scale))))


@every
def test_missing_periods_and_cells_do_no_harm(new: New) -> None:
    rng = np.random.default_rng(2)
    frames = changed(calm(new), lambda a: np.where((rng.random(SHAPE) < 0.3) | (rng.random() < 0.2), np.nan, a))
    said = run(new(TREE, DAILY), starts(frames))
    assert sound(said)
    assert least(said) > CHANCE


@every
@pytest.mark.parametrize("gap", [7, 40, 4000])
def test_a_long_gap_is_no_evidence(new: New, gap: int) -> None:
    said = run(warm(new), starts(calm(new)[-8:], first=length(new) + gap))
    assert sound(said)
    assert least(said) > CHANCE


@every
def test_permuted_regions_give_permuted_results(new: New) -> None:
    order = [2, 0, 3, 1]
    tree = Tree.of([REGIONS[i] for i in order], GOODS)
    said = run(new(tree, DAILY), starts(changed(hit(new), lambda a: a[order])))
    to = [TREE.regions.index(region) for region in tree.regions]
    np.testing.assert_allclose(said, said_of_hit(new)[:, :, to], rtol=1e-3)


@every
def test_permuted_commodities_give_permuted_results(new: New) -> None:
    order = [2, 0, 1]
    tree = Tree.of(REGIONS, [GOODS[i] for i in order])
    said = run(new(tree, DAILY), starts(changed(hit(new), lambda a: a[:, order])))
    to = [TREE.commodities.index(commodity) for commodity in tree.commodities]
    np.testing.assert_allclose(said, said_of_hit(new)[..., to], rtol=1e-3)


@every
def test_the_same_input_gives_the_same_bit_for_bit_and_nothing_looks_ahead(new: New) -> None:
    of = starts(hit(new))
    cut = len(of) - 10
    subject, other = new(TREE, DAILY), new(TREE, DAILY)
    np.testing.assert_array_equal(run(subject, of[:cut]), said_of_hit(new)[:cut])
    run(other, of[:cut])
    run(other, [(at, framed(1e6)) for at, _ in of[cut:]])
    np.testing.assert_array_equal(run(subject, of[cut:]), said_of_hit(new)[cut:])


@every
def test_a_state_saved_and_restored_gives_the_same_bit_for_bit(new: New) -> None:
    subject = new(TREE, DAILY)
    for period, said in zip(starts(hit(new)), said_of_hit(new), strict=True):
        subject = subject.restored()
        np.testing.assert_array_equal(subject.step(*period), said)


@every
def test_what_is_given_is_left_as_it_is_and_what_was_said_stays(new: New) -> None:
    subject = warm(new)
    first, second = starts(hit(new)[-2:], first=length(new))
    for values in (*reported(first[1]), *reported(second[1])):
        values.flags.writeable = False
    said = subject.look(first[1], moment_of(length(new) + 1, first[0], DAILY))
    kept = [p.copy() for p in said]
    subject.look(second[1], moment_of(length(new) + 2, second[0], DAILY))
    for p, before in zip(said, kept, strict=True):
        np.testing.assert_array_equal(p, before)


@every
def test_regions_and_commodities_that_come_later_are_no_evidence_and_are_judged_in_time(new: New) -> None:
    late = np.ones(SHAPE, np.bool_)
    late[:2, :2] = False
    frames = calm(new)
    half = len(frames) // 2
    subject = new(TREE, DAILY)
    early = changed(frames[:half], lambda a: np.where(late, np.nan, a))
    said = run(subject, starts([*early, *frames[half:], *reversed(frames[half:])]))
    assert sound(said)
    assert least(said) > CHANCE
    assert np.isfinite(said[-1]).sum() == np.isfinite(said_of_hit(new)[-1]).sum()


@every
@pytest.mark.parametrize(
    ("regions", "goods"),
    [("x", "y"), ("x", "abc"), ("wxyz", "a"), (["33", "3306", "330602", "330603", "31"], "ab")],
    ids=["one series", "one region", "one commodity", "given parents"],
)
def test_every_shape_of_a_tree_is_supported(new: New, regions: Sequence[str], goods: Sequence[str]) -> None:
    tree, rng = Tree.of(regions, goods), np.random.default_rng(5)
    shape = tree.leaves, tree.goods
    frames = [Frame(*rng.poisson(20.0, (3, *shape)).astype(np.float64)) for _ in range(24)]
    said = run(new(tree, DAILY), starts(frames))
    assert sound(said)
    assert said.shape[2:] == tree.shape


def periods(tick_ms: int) -> Iterator[int]:
    """Two weeks of which three periods a day report, or as many that are longer; then eight in a row."""
    apart = max(DAY_MS // 3 // tick_ms, 1)
    yield from range(0, 42 * apart, apart)
    yield from range(42 * apart, 42 * apart + 8)


@every
@pytest.mark.parametrize("tick_ms", [TEN_SECONDS, FIVE_MINUTES, HOUR_MS, WEEK_MS, 30 * DAY_MS])
def test_every_cadence_is_supported(new: New, tick_ms: int) -> None:
    subject, frames = new(TREE, Pace.of(tick_ms)), calm(new)
    if new is interruptions and tick_ms < HOUR_MS:
        with pytest.raises(ValueError, match="expected an hour or more"):
            subject.step(START, frames[0])
        return
    of = [(START + i * tick_ms, frames[min(k, 2 * len(frames) - 1 - k)]) for k, i in enumerate(periods(tick_ms))]
    said = run(subject, of)
    assert sound(said)
    assert least(said) > CHANCE


SOLD = st.one_of(st.sampled_from([np.nan, 0.0, -3.0, 1e15, 1e-12]), st.floats(1e-6, 1e3))


@every
@settings(max_examples=6, deadline=None, derandomize=True)
@given(of=st.lists(st.lists(SOLD, min_size=12, max_size=12), min_size=1, max_size=4))
def test_whatever_is_reported_gives_sound_ps(new: New, of: list[list[float]]) -> None:
    frames = [framed(np.reshape(values, SHAPE)) for values in of]
    assert sound(run(warm(new), starts(frames, first=length(new))))
