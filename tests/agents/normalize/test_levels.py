"""What a commodity costs in a city, and what a new article may not cost there."""

from collections.abc import Sequence

import numpy as np
import pytest

from agents.normalize.levels import EPOCH, KEPT, WARM, Levels

TEXTS = ["0301", "98", "99", "9903"]
PORK = float(np.log(300_000.0))


class City:
    """Articles that come to one city by one partition, each with its price."""

    def __init__(self) -> None:
        self.levels, self.slot, self.offset = Levels(), 0, 0

    def come(
        self, prices: Sequence[float], *, code: int = 0, place: tuple[int, str] = (0, "3306"), wait: int = EPOCH
    ) -> list[bool]:
        """So many new articles, one envelope each, ``wait`` envelopes after the last ones: which are steps away."""
        n = len(prices)
        slot = np.arange(self.slot, self.slot + n)
        offset = np.arange(self.offset, self.offset + n) + wait
        self.slot, self.offset = self.slot + n, int(offset[-1]) + 1
        where = np.repeat(self.levels.places([place]), n)
        assert self.levels.lacking(slot, np.ones(n, np.bool_)).tolist() == list(range(n))
        off = self.levels.steps_off(slot, np.array(prices), where, offset, np.full(n, code, np.int32), TEXTS)
        return [bool(one) for one in off]


@pytest.fixture
def city() -> City:
    city = City()
    city.come(list(PORK + np.linspace(-0.3, 0.3, WARM)))
    return city


@pytest.mark.parametrize("factor", [10.0, 500.0, 1000.0, 8.0, 0.1, 0.001])
def test_a_step_away_from_the_level_is_told(city: City, factor: float) -> None:
    assert city.come([PORK + np.log(factor)]) == [True]


@pytest.mark.parametrize("factor", [1.0, 2.0, 0.5, 4.0, 50.0])
def test_what_brands_may_differ_by_is_not(city: City, factor: float) -> None:
    assert city.come([PORK + np.log(factor)]) == [False]


def test_nothing_is_told_before_enough_articles_are_known() -> None:
    city = City()
    city.come([PORK] * (WARM - 1))
    assert city.come([PORK + np.log(1000.0)]) == [False]


def test_prices_count_from_the_next_epoch_on(city: City) -> None:
    step = [PORK + np.log(1000.0)]
    assert city.come(step, wait=0) == [False]
    assert city.come(step) == [True]


def test_a_price_that_is_a_step_away_is_not_learned_and_asked_for_again(city: City) -> None:
    for _ in range(3 * KEPT):
        assert city.come([PORK + np.log(1000.0)]) == [True]
    slot = np.array([city.slot - 1])
    assert len(city.levels.lacking(slot, np.ones(1, np.bool_))) == 1
    assert len(city.levels.lacking(np.array([0]), np.ones(1, np.bool_))) == 0


def test_where_prices_lie_far_apart_a_step_says_nothing() -> None:
    city = City()
    city.come(list(PORK + np.linspace(-1.5, 1.5, 3 * WARM)))
    assert city.come([PORK + np.log(10.0)]) == [False]


def test_the_level_follows_the_latest_articles(city: City) -> None:
    city.come([PORK + 1.0] * KEPT)
    assert city.come([PORK + 1.0 + np.log(10.0), PORK + np.log(10.0)]) == [True, False]


def test_cities_partitions_and_commodities_have_levels_of_their_own(city: City) -> None:
    step = [PORK + np.log(1000.0)]
    assert city.come(step, place=(0, "3301")) == [False]
    assert city.come(step, place=(1, "3306")) == [False]
    for code in (1, 2, 3):
        city.come([PORK] * WARM, code=code)
        assert city.come(step, code=code) == [False]
