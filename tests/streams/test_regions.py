"""Regions by their codes: names, the smallest region that holds some, and which cities count like capitals."""

import pytest

from streams.regions import NATION, full_name, name_of, ranks_as_capital, smallest_common


@pytest.mark.parametrize(
    ("code", "zh", "en"),
    [
        ("330602", "浙江省绍兴市越城区", "越城区, 绍兴市, Zhejiang"),
        ("3306", "浙江省绍兴市", "绍兴市, Zhejiang"),
        ("110101", "北京市东城区", "东城区, Beijing"),
        ("33", "浙江省", "Zhejiang"),
        (NATION, "全国", "the nation"),
        ("990101", "地区 990101", "region 990101"),
    ],
)
def test_a_region_is_called_with_those_above_it(code: str, zh: str, en: str) -> None:
    assert (full_name(code).zh, full_name(code).en) == (zh, en)


@pytest.mark.parametrize(
    ("codes", "region"),
    [
        (["330602"], "330602"),
        (["330602", "330603"], "3306"),
        (["330602", "330102"], "33"),
        (["330602", "320102"], NATION),
        ([], NATION),
        (["3306", "330602"], "3306"),
    ],
)
def test_the_smallest_region_that_holds_all(codes: list[str], region: str) -> None:
    assert smallest_common(codes) == region


def test_municipalities_capitals_and_planned_cities_count_by_themselves() -> None:
    assert [c for c in ("1101", "3301", "3302", "3306", "9902") if ranks_as_capital(c)] == ["1101", "3301", "3302"]
    assert name_of("3302").zh == "宁波市"
