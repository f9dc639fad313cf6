"""What one unit of sale holds: said, guessed and marked, or declined."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.naming.content import Content, content
from agents.naming.measure import MOST, UNKNOWN, Measure, measure
from streams.taxonomy import BaseUnit, taxonomy

MILK = Content(250, "ml", 24, pack="盒")
BOXED = Content(250, "ml", 24)


@pytest.mark.parametrize(
    ("unit", "base", "holds"),
    [
        ("kg", "kg", 1000), ("KG", "kg", 1000), ("公斤", "kg", 1000), ("斤", "kg", 500), ("市斤", "kg", 500),
        ("克", "kg", 1), (" 斤 ", "kg", 500), ("500g", "kg", 500), ("500克", "kg", 500), ("两", "kg", 50),
        ("t", "kg", 1_000_000), ("吨", "kg", 1_000_000), ("元/斤", "kg", 500), ("元/500g", "kg", 500),
        ("/kg", "kg", 1000),
        ("lb", "kg", 454), ("oz", "kg", 28), ("2.5kg", "kg", 2500), ("L", "L", 1000), ("升", "L", 1000), ("ml", "L", 1),
        ("gal", "L", 3785), ("500ml", "L", 500), ("打", "pc", 12000), ("dozen", "pc", 12000),
    ],
)  # fmt: skip
def test_a_unit_of_measure_needs_nothing(unit: str, base: BaseUnit, holds: int) -> None:
    assert measure(unit, base, None) == Measure(holds, False, False)
    assert measure(unit, base, Content(123, "g"), 0).per_unit == holds


@pytest.mark.parametrize("unit", ["袋", "瓶", "箱", "提", "foo", "", "bottle"])
def test_a_pack_of_unknown_content_is_declined(unit: str) -> None:
    assert measure(unit, "kg", None) == UNKNOWN
    assert measure(unit, "L", Content(28, "piece")) == UNKNOWN


@pytest.mark.parametrize(
    "unit", [*"个只支片枚粒块条双包袋瓶罐盒板卷张抽根把件套份朵听桶杯箱颗副对提盘串", "pc", "pcs", "piece"]
)
def test_every_counting_word_is_a_unit_of_sale(unit: str) -> None:
    assert measure(unit, "pc", None).per_unit == 1000
    assert measure(unit, "kg", None, 400) == Measure(400, False, False)


def test_a_pack_holds_what_its_name_prints() -> None:
    assert measure("桶", "L", content("花生油5L")) == Measure(5000, False, False)
    assert measure("袋", "kg", content("大米10斤装")) == Measure(5000, False, False)


@pytest.mark.parametrize(
    ("unit", "packs"), [("箱", 24), ("件", 24), ("提", 24), ("case", 24), ("个", 24), ("整箱", 24), ("", 24)]
)
def test_a_case_holds_all_packs(unit: str, packs: int) -> None:
    assert measure(unit, "L", MILK, code="0402") == Measure(250 * packs, True, False)


@pytest.mark.parametrize("unit", ["瓶", "盒", "罐", "bottle", "bottles"])
def test_a_single_unit_holds_one_pack_and_says_that_this_is_a_guess(unit: str) -> None:
    assert measure(unit, "L", MILK) == Measure(250, True, False)
    assert measure(unit, "L", BOXED) == Measure(250, True, False)


def test_a_box_holds_all_of_the_smaller_packs_in_it() -> None:
    assert measure("盒", "kg", content("红茶2g*25袋")) == Measure(50, True, False)
    assert measure("袋", "kg", content("红茶2g*25袋")) == Measure(2, True, False)


def test_what_a_person_said_goes_before_the_name() -> None:
    assert measure("箱", "L", MILK, 7000) == Measure(7000, False, False)
    assert measure("", "L", MILK, 7000) == Measure(7000, True, False)
    assert measure("打", "pc", None, 6000) == Measure(6000, False, False)
    assert measure("斤", "kg", None, 7000).per_unit == 500
    assert measure("foo", "kg", None, 7000) == UNKNOWN


def test_an_empty_unit_is_one_article_as_its_name_prints_it() -> None:
    assert measure("", "kg", Content(500, "g")) == Measure(500, True, False)
    assert measure("", "kg", None) == UNKNOWN


def test_mass_and_volume_meet_by_the_density_of_the_commodity() -> None:
    assert measure("桶", "L", Content(4600, "g"), code="0201") == Measure(5000, True, False)
    assert measure("斤", "L", None, code="0202") == Measure(543, True, False)
    assert measure("杯", "kg", Content(200, "ml"), code="0603") == Measure(208, True, False)
    assert measure("瓶", "L", Content(1000, "g"), code="1401") == Measure(1000, True, False)
    assert measure("斤", "L", None) == UNKNOWN
    assert measure("袋", "kg", Content(200, "ml"), code="0101") == UNKNOWN


def test_eggs_are_weighed_by_their_number() -> None:
    assert measure("盒", "kg", content("鲜鸡蛋30枚"), code="0501") == Measure(1650, True, False)
    assert measure("枚", "kg", content("鲜鸡蛋30枚"), code="0501") == Measure(55, True, False)
    assert measure("个", "kg", None, code="0502") == Measure(70, True, False)
    assert measure("30枚", "kg", None, code="0501") == Measure(1650, True, False)
    assert measure("盒", "kg", content("大虾30只"), code="0708") == UNKNOWN


def test_goods_in_pieces_count_what_is_printed() -> None:
    assert measure("包", "pc", None) == Measure(1000, False, False)
    assert measure("箱", "pc", None) == Measure(1000, True, False)
    assert measure("盒", "pc", content("口罩50只装"), code="2007") == Measure(50_000, False, False)
    assert measure("只", "pc", content("口罩50只装"), code="2007") == Measure(1000, True, False)
    assert measure("块", "pc", content("香皂115g"), code="2002") == Measure(1000, False, False)
    assert measure("提", "pc", content("香皂115g*4块"), code="2002") == Measure(4000, True, False)


def test_sheets_of_tissue_are_no_pieces() -> None:
    tissue = content("抽纸100抽*3包")
    assert measure("提", "pc", tissue, code="2001") == Measure(3000, True, False)
    assert measure("包", "pc", tissue, code="2001") == Measure(1000, True, False)
    assert measure("提", "pc", content("卷纸10卷"), code="2001") == Measure(10_000, False, False)


CONTENTS = st.none() | st.builds(
    Content,
    st.floats(0.001, 1e9, allow_nan=False),
    st.sampled_from(["g", "ml", "piece"]),
    st.integers(1, 10_000),
    item=st.sampled_from(["", "枚", "抽"]),
    pack=st.sampled_from(["", "盒", "瓶", "bottles"]),
)


@given(
    st.text(max_size=40) | st.sampled_from(["斤", "箱", "瓶", "", "打", "元/斤", "个"]),
    st.sampled_from(["kg", "L", "pc"]),
    CONTENTS,
    st.integers(-1, 2**62),
    st.sampled_from(["", "0", *taxonomy()]),
)
def test_a_measure_is_positive_or_unknown_whatever_comes(
    unit: str, base: BaseUnit, printed: Content | None, known: int, code: str
) -> None:
    got = measure(unit, base, printed, known, code)
    assert got.unknown == (got.per_unit == 0)
    assert 0 <= got.per_unit <= MOST
