"""The story of March 2011."""

import pytest

from streams.regions import ranks_as_capital
from streams.simulate import rush_of_march_2011
from streams.world import World, make_world
from tests.streams.simulate.moments import MINUTE, at


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(7)


def test_the_rush_takes_its_city_in_forty_minutes_then_zhejiang_then_single_counties(world: World) -> None:
    onset = at(hour=10)
    rush = rush_of_march_2011(world, onset).rush
    minutes = {county: (start - onset) // MINUTE for county, start in rush.starts().items()}
    assert rush.county.startswith("3306")
    assert not ranks_as_capital("3306")
    assert minutes[rush.county] == 0
    home = [m for c, m in minutes.items() if c.startswith("3306")]
    assert len(home) == 4
    assert max(home) <= 40
    hangzhou = [m for c, m in minutes.items() if c.startswith("3301")]
    assert len(hangzhou) == 4
    assert min(hangzhou) > 40
    zhejiang = [m for c, m in minutes.items() if c.startswith("33")]
    assert len(zhejiang) == 16
    assert max(zhejiang) <= 40 + 150
    elsewhere = {c: m for c, m in minutes.items() if not c.startswith("33")}
    assert elsewhere
    assert min(elsewhere.values()) > max(zhejiang)
    assert len({c[:4] for c in elsewhere}) == len(elsewhere)
    assert set(minutes) <= set(world.shops.county.tolist())


def test_one_chain_doubles_its_price_forty_five_minutes_later(world: World) -> None:
    story = rush_of_march_2011(world, at(hour=10))
    assert (story.gouge.onset_ms, story.gouge.factor) == (at(hour=10, minute=45), 2.0)
    assert story.gouge.enterprise in world.enterprises
    assert story.events == (story.rush, story.gouge, story.launch)


def test_a_world_without_a_shop_in_shaoxing_has_no_such_story() -> None:
    world = make_world(1, shops=1)
    assert not world.shops.county[0].startswith("3306")
    with pytest.raises(ValueError, match="no shop"):
        rush_of_march_2011(world, at(hour=10))
