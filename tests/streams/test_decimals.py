"""Decimal text to integers: what a calculation on paper gives."""

from decimal import ROUND_HALF_UP, Decimal

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from streams.decimals import parse, to_int

SANE = st.decimals(min_value=-(10**9), max_value=10**9, places=18, allow_nan=False)


def on_paper(text: str, factor: Decimal) -> int:
    return int((Decimal(text) * factor).quantize(Decimal(1), ROUND_HALF_UP))


@given(st.lists(SANE, min_size=1, max_size=20), st.sampled_from([Decimal(1000), Decimal(100), Decimal("0.5")]))
def test_decimals_are_rounded_as_on_paper(values: list[Decimal], factor: Decimal) -> None:
    texts = [f"{v:f}" for v in values]
    got, good = to_int(parse(pa.array(texts)), factor)
    assert good.all()
    assert got.tolist() == [on_paper(t, factor) for t in texts]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_what_a_float_prints_as_is_read(values: list[float]) -> None:
    texts = [repr(v) for v in values]
    got, good = to_int(parse(pa.array(texts)), Decimal(1000))
    assert good.all()
    assert got.tolist() == [on_paper(t, Decimal(1000)) for t in texts]


def test_a_half_is_rounded_up_where_floats_would_err() -> None:
    got, _ = to_int(parse(pa.array(["1.0005", "2.675", "0.0005", "0.00049999999999999999999"])), Decimal(1000))
    assert got.tolist() == [1001, 2675, 1, 0]


def test_what_is_no_number_is_null() -> None:
    texts = ["", "x", "1,5", "--1", "1.2.3", "nan", "inf", "1e", "1e1000", "1e400", "0x10", "1" * 13, "一"]
    assert parse(pa.array(texts)).null_count == len(texts)
    assert parse(pa.array([" 1 ", "+2", ".5", "3."])).null_count == 0


def test_what_no_column_holds_is_refused() -> None:
    got, good = to_int(parse(pa.array(["999999999999", "9", None])), Decimal(10**6))
    assert good.tolist() == [False, True, False]
    assert got.tolist() == [0, 9 * 10**6, 0]
