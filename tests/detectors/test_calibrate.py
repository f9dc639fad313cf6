"""From scores to chances."""

import numpy as np
import pytest

from detectors import calibrate
from detectors.calibrate import BINS, Singles
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.state import Floats

DAILY = Pace.of(DAY_MS)
SHAPE = (50, 4)


def nothing(*lead: int) -> Floats:
    return np.zeros((2, BINS, *lead, 1, 1))


def normal(seed: int, periods: int = 200) -> Singles:
    return np.random.default_rng(seed).normal(size=(periods, *SHAPE)).astype(np.float32)


def learned(scores: Singles, pace: Pace = DAILY, hold: float = 3.0) -> Floats:
    histogram, held = nothing(), np.zeros(SHAPE, np.float32)
    for score in scores:
        calibrate.count(histogram, held, score, calibrate.chance(histogram, score, pace), hold, 1.0, pace)
    return histogram


def chance_of(histogram: Floats, score: float, pace: Pace = DAILY) -> float:
    return calibrate.chance(histogram, np.full((1, 1), score, np.float32), pace).item()


@pytest.mark.parametrize(("tick_ms", "least"), [(HOUR_MS, 0.1), (DAY_MS, 0.3)])
def test_chances_of_normal_scores_are_near_the_truth(tick_ms: int, least: float) -> None:
    pace = Pace.of(tick_ms)
    p = calibrate.chance(learned(normal(1), pace), normal(5, 1000).reshape(500, 400), pace)
    for x in (0.1, 0.01, 0.001):
        assert least < np.mean(p < x) / x < 2.0


def test_a_higher_score_is_never_likelier() -> None:
    p = calibrate.chance(learned(normal(2)), np.linspace(-6, 40, 900, dtype=np.float32).reshape(30, 30), DAILY)
    assert (np.diff(p.ravel()) <= 0.0).all()


def test_one_long_incident_hardly_moves_the_tail() -> None:
    scores = normal(3)
    before = chance_of(learned(scores), 6.0)
    scores[100:120, 3, 2] = 15.0
    assert chance_of(learned(scores), 6.0) < 3.0 * before


def test_what_hits_all_series_at_once_is_about_one_incident() -> None:
    scores = normal(3)
    before = chance_of(learned(scores), 6.0)
    scores[100:103] = 15.0
    assert chance_of(learned(scores), 6.0) < 5.0 * before


def test_an_incident_counts_once_until_it_has_been_over_for_a_while() -> None:
    scores = normal(4)
    scores[100:] = np.nan
    calm = learned(scores)
    scores[100, 3, 2] = 15.0
    short = learned(scores) - calm
    scores[100:120:2, 3, 2] = 15.0
    new = learned(scores) - calm
    assert new[0].sum() == 0.0
    assert 0.0 < new[1].sum() <= calibrate.ROW
    assert new[1].sum() == pytest.approx(short[1].sum(), rel=0.01)


def test_what_begins_in_many_series_of_one_period_counts_no_more_than_one_incident() -> None:
    scores = normal(4)
    scores[100:] = np.nan
    calm = learned(scores)
    scores[100, 3, 2] = 15.0
    one = (learned(scores) - calm)[1].sum()
    scores[100] = 15.0
    many = (learned(scores) - calm)[1].sum()
    assert one == pytest.approx(calibrate.ALONE, rel=0.1)
    assert many == pytest.approx(one + calibrate.AT_ONCE * calibrate.FLAGGED * (np.prod(SHAPE) - 1))


def test_an_incident_is_known_only_to_be_as_high_as_what_is_flagged() -> None:
    scores = normal(4)
    scores[100:] = np.nan
    calm = learned(scores)
    scores[150, 3, 2] = 15.0
    at = np.flatnonzero((learned(scores) - calm)[1, :, 0, 0])
    edge = calibrate.LOWEST + calibrate.STEP * at.item()
    assert chance_of(calm, edge) == pytest.approx(calibrate.FLAGGED, rel=0.5)


def test_of_short_periods_more_must_be_known_before_the_prior_gives_way() -> None:
    scores = normal(6, 20)
    assert chance_of(learned(scores, Pace.of(HOUR_MS)), 5.0) > chance_of(learned(scores), 5.0)


def test_what_is_learned_fades() -> None:
    histogram, held = learned(normal(1)), np.zeros(SHAPE, np.float32)
    before = histogram.sum()
    none = np.full(SHAPE, np.nan, np.float32)
    calibrate.count(histogram, held, none, calibrate.chance(histogram, none, DAILY), 3.0, 0.5, DAILY)
    assert histogram.sum() == pytest.approx(before / 2.0)


def test_what_is_not_known_has_no_chance() -> None:
    assert np.isnan(calibrate.chance(nothing(), np.full((1, 2), np.nan, np.float32), DAILY)).all()


def test_leading_axes_are_histograms_of_their_own() -> None:
    scores = np.stack([normal(1), 2.0 * normal(2)], axis=1)
    histogram, held = nothing(2), np.zeros((2, *SHAPE), np.float32)
    for score in scores:
        p = calibrate.chance(histogram, score, DAILY)
        calibrate.count(histogram, held, score, p, 3.0, 1.0, DAILY)
    assert np.array_equal(histogram[:, :, 0], learned(scores[:, 0]))
    assert np.array_equal(histogram[:, :, 1], learned(scores[:, 1]))
