"""The order of alerts by what they would mean."""

import math

import msgspec
import pytest

from detectors.consequence import WEIGHTS, Stakes, parts, score

PLAIN = Stakes(recurrence_days=30.0, counties=3, watched=30, counties_before=3, necessity=1)


def but(**changes: float | None) -> Stakes:
    return msgspec.structs.replace(PLAIN, **changes)


@pytest.mark.parametrize(
    "graver",
    [
        but(recurrence_days=300.0),
        but(counties=6, counties_before=6),
        but(counties_before=0),
        but(necessity=0),
        but(population=9e6),
    ],
    ids=["rarer", "more counties", "spreading", "an emergency good", "more people"],
)
def test_each_part_counts(graver: Stakes) -> None:
    assert score(graver) > score(PLAIN)


def test_the_score_lies_between_0_and_100() -> None:
    least = Stakes(recurrence_days=0.0, counties=0, watched=0, population=0.0)
    most = Stakes(recurrence_days=1e9, counties=3_000, watched=3_000, population=1.4e9, necessity=0)
    assert score(least) == 0.0
    assert score(most) == 100.0
    assert sum(WEIGHTS.values()) == 100.0


def test_a_rare_trifle_does_not_pass_a_common_calamity() -> None:
    trifle = Stakes(recurrence_days=36_525.0, counties=1, watched=300, population=3e5, counties_before=1)
    calamity = Stakes(recurrence_days=20.0, counties=120, watched=300, population=6e7, necessity=0)
    assert score(calamity) > score(trifle)


@pytest.mark.parametrize("days", [math.nan, -1.0, math.inf])
def test_odd_rarities_give_a_sound_score(days: float) -> None:
    assert 0.0 <= score(but(recurrence_days=days)) <= 100.0


def test_where_people_are_not_known_counties_stand_for_them() -> None:
    assert parts(but(population=1_500_000.0)) == parts(PLAIN)
