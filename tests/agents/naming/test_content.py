"""Net content: what is printed comes back as it was meant, and no text whatever harms."""

import csv
import math
import time
from pathlib import Path
from typing import Literal, cast

import cn2an
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.naming.content import MAX_PACKS, Content, content
from agents.naming.content_tokens import is_vessel
from agents.naming.numerals import NUMERALS, numeral

CASES = Path(__file__).parent / "contents.tsv"
"""Names made up for the tests, and what they print; a mistake found later goes in here."""


def cases() -> list[tuple[str, Content | None]]:
    with CASES.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [(r["name"], _content(r["qty"], r["unit"], r["packs"])) for r in rows]


def _content(qty: str, unit: str, packs: str) -> Content | None:
    if not unit:
        return None
    assert unit in ("g", "ml", "piece")
    return Content(float(qty), cast(Literal["g", "ml", "piece"], unit), int(packs))


@pytest.mark.parametrize(("name", "printed"), cases())
def test_a_name_gives_the_content_that_it_prints(name: str, printed: Content | None) -> None:
    assert content(name) == printed


MASS_UNITS = {"g": 1, "G": 1, "克": 1, "kg": 1000, "KG": 1000, "Kg": 1000, "千克": 1000, "公斤": 1000, "斤": 500}
VOLUME_UNITS = {"ml": 1, "ML": 1, "mL": 1, "毫升": 1, "L": 1000, "l": 1000, "升": 1000}
NOUNS = ["大米", "纯牛奶", "花生油", "洗衣液", "QQ糖", "红烧牛肉面", "鸡精", "Rice ", "AD钙奶"]
PACKS = ["", "袋", "瓶", "盒", "包", "罐", "听"]
TIMES = ["*", "×", "x", "X", " * ", "＊", " x ", "✕"]
WIDE = str.maketrans("0123456789.", "０１２３４５６７８９．")


@st.composite
def printed(draw: st.DrawFn) -> tuple[str, Content]:
    """A name and the content that it was made from."""
    volume = draw(st.booleans())
    unit, factor = draw(st.sampled_from(sorted((VOLUME_UNITS if volume else MASS_UNITS).items())))
    tenths = draw(st.integers(1, 99 if factor > 1 else 9999))
    number = f"{tenths / 10:g}" if factor > 1 else f"{tenths}"
    qty = float(number) * factor
    packs = draw(st.integers(1, 60))
    noun = draw(st.sampled_from(NOUNS))
    if draw(st.booleans()):
        number = number.translate(WIDE)
    each = number + draw(st.sampled_from(["", " "])) + unit
    text = each
    if packs > 1:
        word, times = draw(st.sampled_from(PACKS)), draw(st.sampled_from(TIMES))
        behind = draw(st.booleans())
        text = f"{each}{times}{packs}{word}" if behind else f"{packs}{word}{times}{each}"
        if not behind:
            noun = noun.rstrip() + " "
        # A letter before a count makes a model of it, so that a name in letters needs its space.
    before, after = draw(st.sampled_from([("", ""), ("(", ")"), ("（", "）"), ("【", "】"), ("净含量:", "")]))
    return noun + before + text + after, Content(qty, "ml" if volume else "g", packs)


@given(printed())
def test_a_content_formatted_in_any_common_way_is_read_back(example: tuple[str, Content]) -> None:
    name, want = example
    got = content(name)
    assert got is not None
    assert (got.unit, got.packs) == (want.unit, want.packs)
    assert got.qty == pytest.approx(want.qty, rel=1e-6)


@given(printed())
def test_a_specification_says_as_much_as_a_name(example: tuple[str, Content]) -> None:
    name, _ = example
    assert content("某商品", name) == content(name)


@given(st.integers(2, 500), st.sampled_from("枚片粒只"), st.sampled_from(["", "装", "/盒"]))
def test_a_count_is_read_in_digits(count: int, word: str, end: str) -> None:
    assert content(f"某商品{count}{word}{end}") == Content(count, "piece")


@given(st.integers(2, 99), st.sampled_from("枚片粒只"), st.sampled_from(["", "装"]))
def test_a_count_is_read_in_chinese_numerals(count: int, word: str, end: str) -> None:
    assert content(f"某商品{cn2an.an2cn(count)}{word}{end}") == Content(count, "piece")


@given(st.integers(1, 99), st.booleans())
def test_jin_are_read_in_chinese_numerals_with_their_half(count: int, half: bool) -> None:
    text = f"{cn2an.an2cn(count)}斤{'半' if half else ''}装"
    assert content("某商品" + text) == Content(count * 500 + half * 250, "g")


@given(st.integers(2, 12), st.integers(1, 999), st.integers(1, 999))
def test_a_bundle_is_the_sum_of_its_parts(packs: int, one: int, other: int) -> None:
    assert content(f"洗衣液{one}g*{packs}+{other}g") == Content(one * packs + other, "g")


LABELS = st.text(
    alphabet="0123456789.*×xX+/-~()（）gGkKmMlL克斤两升半一二十百袋瓶盒片枚装元杯 p连赠±１５", max_size=512
)


@given(st.text(max_size=512) | LABELS, st.text(max_size=60) | LABELS)
def test_any_text_gives_nothing_or_a_finite_positive_content(name: str, spec: str) -> None:
    for got in (content(name), content(name, spec)):
        if got is not None:
            assert math.isfinite(got.qty)
            assert got.qty > 0
            assert 1 <= got.packs <= MAX_PACKS


@pytest.mark.parametrize(
    "part",
    ["1", "1*", "1 ", "1.", "(1+", "1+", "1g", "1g+", "1g*", "1/", "1ml/", "半", "半斤", "十", "连", "杯", "水杯1ml",
     "一百", "g", "x1", "1ml杯", " ", "元/1斤", "1片", "1-", "9-13kg", "ﷺ", "５", "1片+", "1 l", "1,000g",
     "(1+1)g", "二十枚"],
)  # fmt: skip
def test_no_repetition_of_any_part_takes_long(part: str) -> None:
    text = (part * 512)[:512]
    taken = []
    for _ in range(3):
        start = time.process_time()
        content(text, text)
        taken.append(time.process_time() - start)
    assert min(taken) < 0.05


def test_what_lies_behind_the_512th_character_is_not_read() -> None:
    assert content("糖" * 512 + "500g") is None


def test_the_table_of_numerals_is_that_of_cn2an() -> None:
    for number in range(1, 1000):
        text = cn2an.an2cn(number)
        assert numeral(text) == number, text
    for text, value in NUMERALS.items():
        if text not in ("半", "百") and not text.startswith("百"):
            assert cn2an.cn2an(text, "smart") == value, text


def test_the_words_of_the_count_are_told() -> None:
    got = content("抽纸100抽*3包")
    assert got is not None
    assert (got.item, got.pack) == ("抽", "包")


@pytest.mark.parametrize(
    ("name", "spec", "want"),
    [
        ("可乐500ml", "1*12", Content(500, "ml", 12)),
        ("可乐", "500ml*12", Content(500, "ml", 12)),
        ("可乐", "1*12", Content(12, "piece")),
        ("可乐500ml", "500ml", Content(500, "ml")),
        ("可乐500ml*12", "500ml", Content(500, "ml", 12)),
        ("农夫山泉12瓶", "550ml", Content(550, "ml", 12)),
        ("不锈钢水杯", "500ml", None),
        ("纸杯50只", "250ml", Content(50, "piece")),
        ("可乐500", "12", None),
        ("鸡蛋", "30枚/盒", Content(30, "piece")),
        ("鸡蛋", "散装", None),
    ],
)
def test_name_and_specification_are_put_together(name: str, spec: str, want: Content | None) -> None:
    assert content(name, spec) == want


@pytest.mark.parametrize("name", ["不锈钢水杯500ml", "双层杯300ml", "lunch box 1.2L", "啤酒杯500ml", "韩式汤锅24cm 3L"])
def test_a_vessel_is_known_by_its_name(name: str) -> None:
    assert is_vessel(name)


@pytest.mark.parametrize(
    "name", ["奶瓶清洗剂500ml", "老酸奶杯装180ml", "菜籽油5L壶", "杯装奶茶300ml", "花露水喷瓶195ml"]
)
def test_what_comes_in_a_vessel_is_none(name: str) -> None:
    assert not is_vessel(name)
