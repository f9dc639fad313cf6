"""The measures of spread over the tree of the official division codes."""

import pytest

from detectors.spread import MEASURES, SHARES, Extent, measures, shares

HALF = Extent(share=0.5, at_least=2)
SHAOXING = {"330602", "330603", "330604", "330624"}
HANGZHOU = {"330102", "330105", "330106", "330108"}
JIAXING = {"330402", "330411", "330421", "330424"}
FUZHOU = {"350102", "350103", "350104"}
MONITORED = SHAOXING | HANGZHOU | JIAXING | FUZHOU


def of(*hit: str) -> dict[str, float]:
    return measures(hit, MONITORED, HALF, HALF)


def test_every_measure_has_a_value() -> None:
    assert tuple(of("330602")) == MEASURES


def test_one_county_is_one_place() -> None:
    assert of("330602") == {"places": 1, "large_cities": 0, "capitals": 0, "large_provinces": 0, "provinces": 0}


def test_half_of_the_monitored_counties_are_a_large_part_of_a_city() -> None:
    assert of("330602", "330603")["large_cities"] == 1
    assert of("330602", "330402", "330102")["large_cities"] == 0


def test_a_capital_in_large_part_counts_as_one_and_its_province_too() -> None:
    found = of("330102", "330105")
    assert (found["capitals"], found["large_provinces"], found["provinces"]) == (1, 0, 1)


def test_two_of_three_cities_in_large_part_are_a_large_part_of_a_province() -> None:
    found = of("330602", "330603", "330402", "330411")
    assert (found["large_cities"], found["capitals"], found["large_provinces"]) == (2, 0, 1)


def test_a_province_of_which_one_city_is_monitored_is_not_large_by_that_city() -> None:
    assert of(*FUZHOU)["large_provinces"] == 0


def test_a_district_of_a_municipality_is_a_part_of_a_capital() -> None:
    districts = {"110101", "110102", "110105"}
    assert measures(list(districts)[:2], districts, HALF, HALF)["capitals"] == 1


def test_a_city_without_counties_is_hit_in_large_part_when_it_is_hit() -> None:
    dongguan = next(iter({"441900"}))
    assert measures([dongguan], {dongguan}, HALF, HALF)["large_cities"] == 1


def test_the_only_monitored_county_of_a_larger_city_is_no_large_part() -> None:
    assert measures(["330602"], {"330602"}, HALF, HALF)["large_cities"] == 0


def test_a_city_hit_as_a_whole_is_one_place_and_no_large_part() -> None:
    assert of("3306") == {"places": 1, "large_cities": 0, "capitals": 0, "large_provinces": 0, "provinces": 0}


@pytest.mark.parametrize("hit", ["990001", "330699"])
def test_a_county_that_is_in_no_list_counts_like_any_other(hit: str) -> None:
    assert of(hit)["places"] == 1


def test_shares_are_of_a_citys_monitored_counties_and_of_its_districts() -> None:
    found = shares(["330602", "330603", "330604"], MONITORED, HALF)
    assert tuple(found) == SHARES
    assert found == {"counties": 3, "city_share": 0.75, "urban_share": 1.0}


def test_one_county_of_many_is_no_share_of_a_city() -> None:
    assert shares(["330602"], {"330602"}, HALF)["city_share"] == 0.0


def test_regions_that_are_no_codes_are_places_and_nothing_else() -> None:
    found = measures(["north", "south"], ["north", "south"], HALF, HALF)
    assert found == {"places": 2, "large_cities": 0, "capitals": 0, "large_provinces": 0, "provinces": 0}
    assert shares(["north", "south"], ["north"], HALF)["counties"] == 0
