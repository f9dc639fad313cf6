import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.identify.gtin import gtin, products
from tests.agents.identify.goods import MILK, checked

DIGITS = st.text("0123456789", min_size=1, max_size=15)
NUMBERS = st.sampled_from([7, 11, 12, 13]).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n)).map(checked)


def test_a_number_is_the_same_in_every_format() -> None:
    assert gtin(MILK) == gtin("0" + MILK) == gtin(f" {MILK} ")


@pytest.mark.parametrize(
    "text", ["", "abc", "6901234567891", "123", "690123456789", "０" * 13, "6901 23456789", "-690"]
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert gtin(text) is None


@pytest.mark.parametrize("length", [8, 12, 13, 14])
def test_all_zeros_are_refused_though_their_check_digit_is_right(length: int) -> None:
    assert gtin("0" * length) is None
    assert products(["0" * length]).tolist() == [0]


@pytest.mark.parametrize("prefix", ["02", "04", *map(str, range(20, 30))])
def test_restricted_prefixes_are_the_chains_own(prefix: str) -> None:
    number = checked(prefix + "1234567890")
    found = gtin(number)
    assert found is not None
    assert found.restricted
    assert products([number]).tolist() == [0]


@pytest.mark.parametrize("payload", ["0123456", "2123456"])
def test_eight_digits_with_0_or_2_in_front_are_the_chains_own(payload: str) -> None:
    found = gtin(checked(payload))
    assert found is not None
    assert found.restricted
    assert found.short


@pytest.mark.parametrize("payload", ["981234567890", "991234567890", "051234567890"])
def test_coupons_are_no_goods(payload: str) -> None:
    assert gtin(checked(payload)) is None


@given(st.lists(DIGITS | NUMBERS | st.text(max_size=14)))
def test_the_bulk_agrees_with_the_single_number(texts: list[str]) -> None:
    single = [gtin(t) for t in texts]
    # In bulk nothing is stripped: a text with blanks around it is none.
    want = [
        n.value if n and not n.restricted and not n.short and t == t.strip() else 0
        for n, t in zip(single, texts, strict=True)
    ]
    assert products(texts).tolist() == want


@given(NUMBERS, st.integers(0, 13), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(number: str, at: int, by: int) -> None:
    at %= len(number)
    wrong = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]
    assert gtin(wrong) is None


@given(st.text())
def test_no_text_raises(text: str) -> None:
    gtin(text)
