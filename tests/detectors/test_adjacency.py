"""Who is whose neighbour."""

from pathlib import Path

import pytest

from detectors.adjacency import CentresError, centres, circles, read_centres
from streams.regions import regions

CODES = ["110101", "110102", "110105", "120101", "120102", "310101"]
CENTRES = {
    "110101": (116.42, 39.93),
    "110102": (116.37, 39.91),
    "110105": (116.49, 39.92),
    "1201": (117.20, 39.12),
    "310101": (121.48, 31.23),
}


def test_the_nearest_come_first_and_oneself_before_all() -> None:
    near = circles(CODES, 4, CENTRES)
    assert near[0].tolist() == [0, 1, 2, 3]
    assert near[2].tolist() == [2, 0, 1, 3]
    assert near[5, 0] == 5


def test_a_region_without_a_centre_takes_its_citys() -> None:
    assert set(circles(CODES, 2, CENTRES)[3].tolist()) == {3, 4}


def test_without_centres_neighbours_are_of_the_same_city_and_province() -> None:
    near = circles(["340104", "340102", "340202", "340103", "350102"], 3)
    assert near[0].tolist() == [0, 3, 1]
    assert near[2].tolist() == [2, 0, 3]
    assert near[4].tolist() == [4, -1, -1]


def test_strings_that_are_no_codes_are_alone_without_centres() -> None:
    assert circles(["north", "south"], 2).tolist() == [[0, -1], [1, -1]]
    assert circles(["north", "south"], 2, {"north": (1.0, 2.0), "south": (1.0, 3.0)}).tolist() == [[0, 1], [1, 0]]
    assert circles([], 3).shape == (0, 0)


def test_the_order_of_the_regions_does_not_matter() -> None:
    back = CODES[::-1]
    near, reversed_ = circles(CODES, 3, CENTRES), circles(back, 3, CENTRES)
    for i, code in enumerate(CODES):
        assert [CODES[j] for j in near[i]] == [back[j] for j in reversed_[back.index(code)]]


def test_every_county_has_neighbours_by_the_codes_alone() -> None:
    counties = [code for code in regions() if len(code) == 6 and code.startswith("34")]
    near = circles(counties, 5)
    assert (near >= 0).all()
    assert all(len(set(row)) == 5 for row in near.tolist())


def test_the_neighbours_of_a_county_at_the_border_of_a_province_lie_on_both_sides() -> None:
    counties = [code for code in regions() if len(code) == 6]
    near = circles(counties, 8, centres())
    assert {counties[i][:2] for i in near[counties.index("330421")]} == {"31", "33"}


def test_centres_are_of_division_codes_and_lie_in_china() -> None:
    assert set(centres()) <= set(regions())
    assert all(73.0 < east < 136.0 and 3.0 < north < 54.0 for east, north in centres().values())


def test_centres_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "centres.csv"
    path.write_text("\ufeffcode,longitude,latitude,name\n110101, 116.4,39.9,x\n", encoding="utf-8")
    assert read_centres(path) == {"110101": (116.4, 39.9)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("code,lng,lat\n", "longitude, latitude not found"),
        ("", "code, longitude, latitude not found"),
        ("code,longitude,latitude\n110101,39.9,116.4\n", "line 2: expected degrees"),
        ("code,longitude,latitude\n110101,116.4,\n", "line 2: expected degrees"),
        ("code,longitude,latitude\n110101\n", "line 2: expected degrees"),
    ],
)
def test_a_file_of_centres_that_cannot_be_read_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "centres.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CentresError, match=words):
        read_centres(path)
