"""The simulated market: drawn from a seed, frozen, and as said."""

from dataclasses import fields

import numpy as np
import pytest

from streams.regions import ranks_as_capital, regions
from streams.taxonomy import taxonomy
from streams.world import Shelves, Shops, Skus, World, counties, gtin13, make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(7)


def tables(world: World) -> list[Skus | Shops | Shelves]:
    return [world.skus, world.shops, world.shelves]


def test_a_seed_gives_the_same_world_again_and_another_seed_another(world: World) -> None:
    again, other = make_world(7), make_world(8)
    for table, same in zip(tables(world), tables(again), strict=True):
        for field in fields(table):
            np.testing.assert_array_equal(getattr(table, field.name), getattr(same, field.name))
    assert len(other.shelves.rate) != len(world.shelves.rate) or (other.shelves.rate != world.shelves.rate).any()


def test_nothing_in_a_world_can_be_changed(world: World) -> None:
    with pytest.raises(ValueError, match="read-only"):
        world.shelves.rate[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        world.skus.price[0] = 1


def test_there_are_five_shops_in_each_of_48_real_counties_of_three_provinces(world: World) -> None:
    found, count = np.unique(world.shops.county, return_counts=True)
    assert found.tolist() == sorted(counties())
    assert set(count.tolist()) == {5}
    assert set(found.tolist()) <= set(regions())
    cities = {c[:4] for c in found.tolist()}
    assert sorted({c[:2] for c in cities}) == ["32", "33", "35"]
    assert all(sum(c.startswith(p) for c in cities) == 4 for p in ("32", "33", "35"))
    assert {"3301", "3306"} <= cities
    assert not ranks_as_capital("3306")


def test_any_number_of_shops_is_spread_evenly() -> None:
    world = make_world(1, shops=50)
    _, count = np.unique(world.shops.county, return_counts=True)
    assert sorted(count.tolist()) == [1] * 46 + [2] * 2
    with pytest.raises(ValueError, match="at least 1, got 0"):
        make_world(1, shops=0)


def test_terminals_have_ids_of_their_own_and_shops_of_a_county_differ_in_chain(world: World) -> None:
    records = world.terminals()
    assert len({r.terminal_id for r in records}) == 240
    assert [r.terminal_id for r in records] == world.shops.terminal_id.tolist()
    for county in counties():
        assert len({r.enterprise for r in records if r.county == county}) >= 3


def test_twelve_chains_of_which_some_span_provinces(world: World) -> None:
    assert len(world.enterprises) == 12
    provinces = {r.enterprise: set[str]() for r in world.terminals()}
    for record in world.terminals():
        provinces[record.enterprise].add(record.county[:2])
    assert len(provinces) == 12
    assert provinces["chain-01"] == {"32", "33", "35"}


def test_a_shop_keeps_sixty_to_ninety_skus_of_its_own_chain(world: World) -> None:
    kept = np.bincount(world.shelves.shop, minlength=240)
    assert kept.min() >= 60
    assert kept.max() <= 90
    np.testing.assert_array_equal(world.skus.enterprise[world.shelves.sku], world.shops.enterprise[world.shelves.shop])


def test_every_good_stands_in_the_taxonomy_with_a_unit_that_can_be_converted(world: World) -> None:
    assert set(world.skus.code.tolist()) <= set(taxonomy())
    loose = world.skus.content == 0
    assert set(world.skus.unit[loose].tolist()) == {"kg", "斤"}
    assert (world.skus.portion[loose] > 0).all()
    assert (world.skus.content[~loose] >= 100).all()
    assert len(set(world.skus.code.tolist())) >= 40


def test_a_price_tag_in_jin_shows_about_half_of_that_in_kg(world: World) -> None:
    pork = world.skus.name == "冷鲜五花肉"
    per_kg = world.skus.price[pork & (world.skus.unit == "kg")].mean()
    per_jin = world.skus.price[pork & (world.skus.unit == "斤")].mean()
    assert per_jin / per_kg == pytest.approx(0.5, rel=0.08)


def test_salt_is_three_percent_of_the_lines_and_every_shop_has_it(world: World) -> None:
    salt = world.skus.code[world.shelves.sku] == "1001"
    listed = world.skus.listed[world.shelves.sku]
    share = world.shelves.rate[salt].sum() / world.shelves.rate[listed].sum()
    assert 0.025 < share < 0.04
    assert len(set(world.shelves.shop[salt].tolist())) == 240


def test_a_shop_sells_250_lines_on_a_usual_weekday(world: World) -> None:
    listed = world.skus.listed[world.shelves.sku]
    assert world.shelves.rate[listed].sum() / 240 == pytest.approx(250.0)


def test_skus_differ_within_a_chain_and_long_ones_have_a_right_check_digit(world: World) -> None:
    keys = list(zip(world.skus.enterprise.tolist(), world.skus.sku.tolist(), strict=True))
    assert len(set(keys)) == len(keys)
    gtins = [s for s in world.skus.sku.tolist() if len(s) == 13]
    assert gtins
    assert len(gtins) < len(keys)
    for gtin in gtins:
        digits = [int(d) for d in gtin]
        assert (sum(digits[-1::-2]) + 3 * sum(digits[-2::-2])) % 10 == 0


@pytest.mark.parametrize(("digits", "whole"), [("629104150021", "6291041500213"), ("690123456789", "6901234567892")])
def test_the_check_digit_is_that_of_the_standard(digits: str, whole: str) -> None:
    assert gtin13(digits) == whole


def test_the_registry_maps_all_goods_but_the_novelties(world: World) -> None:
    skus, mappings = world.skus, world.mappings()
    for chain, name in enumerate(world.enterprises):
        own = skus.enterprise == chain
        assert {m.sku for m in mappings[name]} == set(skus.sku[own & skus.listed].tolist())
        assert (own & ~skus.listed).any()
    salt = next(m for m in mappings["chain-03"] if m.code == "1001")
    assert (salt.unit, salt.content) == ("袋", 400)
