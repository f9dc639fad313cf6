"""The festivals: on which days they are, and that each says how its prior was chosen."""

from datetime import date

import pytest

from detectors.almanac import FESTIVALS, Festival, easter, thanksgiving

BY_NAME = {festival.name: festival for festival in FESTIVALS}


@pytest.mark.parametrize(
    ("name", "dates"),
    [
        (
            "Spring Festival",
            [date(2021, 2, 12), date(2022, 2, 1), date(2023, 1, 22), date(2024, 2, 10), date(2033, 1, 31)],
        ),
        ("Qingming", [date(2021, 4, 4), date(2023, 4, 5), date(2024, 4, 4)]),
        ("Dragon Boat", [date(2021, 6, 14), date(2022, 6, 3), date(2024, 6, 10)]),
        ("Mid-Autumn", [date(2020, 10, 1), date(2021, 9, 21), date(2025, 10, 6)]),
        ("Winter Solstice", [date(2020, 12, 21), date(2023, 12, 22)]),
    ],
)
def test_festivals_of_the_moon_and_the_sun_fall_on_the_published_days(name: str, dates: list[date]) -> None:
    assert [BY_NAME[name].date(day.year) for day in dates] == dates


def test_easter_and_thanksgiving_move_as_they_do() -> None:
    assert [easter(year) for year in (2000, 2008, 2019, 2020, 2024, 2038)] == [
        date(2000, 4, 23),
        date(2008, 3, 23),
        date(2019, 4, 21),
        date(2020, 4, 12),
        date(2024, 3, 31),
        date(2038, 4, 25),
    ]
    assert [thanksgiving(year) for year in (2018, 2019, 2020, 2024)] == [
        date(2018, 11, 22),
        date(2019, 11, 28),
        date(2020, 11, 26),
        date(2024, 11, 28),
    ]


@pytest.mark.parametrize("festival", FESTIVALS, ids=lambda festival: festival.name)
def test_every_prior_raises_the_surge_side_lowers_the_drop_side_and_says_why(festival: Festival) -> None:
    assert all(first <= last and 1.0 <= ratio <= 9.0 for first, last, ratio in festival.surge)
    assert all(first <= last and 0.0 < ratio <= 1.0 for first, last, ratio in festival.drop)
    assert -31 < festival.first <= festival.last < 31
    assert festival.source.startswith(("measured", "reasoned"))


def test_beyond_the_tables_of_the_moon_a_festival_has_no_date() -> None:
    assert BY_NAME["Spring Festival"].date(1900) is None
    assert BY_NAME["Spring Festival"].date(2100) is None
