"""The best subset of regions and goods."""

import itertools

import numpy as np
import pytest

from detectors import scan
from detectors.state import Floats

SHAPE = (2, 7, 3)


def sums(seed: int = 1) -> tuple[Floats, Floats]:
    """Poisson sums over windows of two lengths, and their expectation."""
    expected = np.stack([np.full(SHAPE[1:], 30.0), np.full(SHAPE[1:], 90.0)])
    return np.random.default_rng(seed).poisson(expected).astype(np.float64), expected


@pytest.mark.parametrize("up", [True, False])
def test_the_best_prefix_is_the_best_of_all_subsets(up: bool) -> None:
    rng = np.random.default_rng(3)
    o, e = rng.poisson(20.0, (1, 7, 1)).astype(np.float64), np.full((1, 7, 1), 20.0)
    found = scan.best_subset(o, e, 1.0, np.arange(7), up)
    best = 0.0
    for n in range(1, 8):
        for rows in itertools.combinations(range(7), n):
            x, b = float(o[0, list(rows)].sum()), float(e[0, list(rows)].sum())
            if (x > b) is up and x != b:
                best = max(best, x * np.log(x / b) + b - x)
    assert found.score == pytest.approx(np.sqrt(2.0 * best))


def test_a_part_of_a_city_that_buys_twice_as_much_of_two_goods_is_named() -> None:
    observed, expected = sums()
    observed[:, 1:3, :2] *= 2.0
    found = scan.best_subset(observed, expected, 1.0, np.arange(4))
    assert found.regions.tolist() == [1, 2]
    assert found.commodities.tolist() == [0, 1]
    assert found.window == 1


def test_regions_that_are_not_asked_for_are_not_named() -> None:
    observed, expected = sums()
    observed[:, [1, 5]] *= 3.0
    assert scan.best_subset(observed, expected, 1.0, np.array([0, 1, 2])).regions.tolist() == [1]


def test_what_is_restless_counts_less() -> None:
    observed, expected = sums()
    observed[:, 1] *= 1.3
    restless = np.ones((7, 1))
    restless[1] = 20.0
    assert scan.best_subset(observed, expected, restless, np.arange(7)).score < (
        scan.best_subset(observed, expected, 1.0, np.arange(7)).score
    )


def test_nothing_known_is_no_subset() -> None:
    nothing = np.full(SHAPE, np.nan)
    for observed, expected in ((nothing, nothing), (np.ones(SHAPE), np.zeros(SHAPE)), (nothing, np.ones(SHAPE))):
        found = scan.best_subset(observed, expected, 1.0, np.arange(7))
        assert found.score == 0.0
        assert len(found.regions) == 0
    assert scan.best_subset(np.ones(SHAPE), np.ones(SHAPE), 1.0, np.arange(0)).score == 0.0


def test_huge_and_negative_sums_are_taken() -> None:
    observed, expected = sums()
    observed[0, 0], observed[1, 1] = 2.0**53, -5.0
    found = scan.best_subset(observed, expected, 1.0, np.arange(7))
    assert np.isfinite(found.score)
    assert 0 in found.regions
