from dataclasses import dataclass

import pytest
from biip.checksums import gs1_price_weight_check_digit
from hypothesis import given
from hypothesis import strategies as st

from agents.identify.labels import Label, fault, read_label
from streams.records import LabelLayout
from tests.agents.identify.goods import WEIGHT, checked

PRICE = LabelLayout("22", 13, (2, 6), (7, 12), "price", scale=1, price_check=6)
LONG = LabelLayout("28", 18, (2, 7), (12, 17), "weight", scale=5)


@dataclass(frozen=True)
class Printed:
    """A label as a scale prints it."""

    item: int
    value: int

    def weight(self) -> str:
        return checked(f"21{self.item:05d}{self.value:05d}")

    def price(self) -> str:
        price = f"{self.value:05d}"
        return checked(f"22{self.item % 10_000:04d}{gs1_price_weight_check_digit(price)}{price}")


LABELS = st.builds(Printed, st.integers(0, 99_999), st.integers(0, 99_999))


@given(LABELS)
def test_what_a_scale_printed_is_read_back(label: Printed) -> None:
    layouts = [WEIGHT, PRICE, LONG]
    assert read_label(layouts, label.weight()) == Label(f"21:{label.item:05d}", label.value, None)
    assert read_label(layouts, label.price()) == Label(f"22:{label.item % 10_000:04d}", None, label.value)


@given(LABELS, st.integers(2, 12), st.integers(1, 9))
def test_one_wrong_digit_makes_it_no_label(label: Printed, at: int, by: int) -> None:
    number = label.weight()
    assert read_label([WEIGHT], number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]) is None


def test_the_check_digit_of_a_price_is_checked_where_there_is_one() -> None:
    right = Printed(1234, 14685).price()
    assert right[6] == "6"  # the example of the General Specifications, 7.9.4
    wrong = checked(right[:6] + "7" + right[7:12])
    assert read_label([PRICE], wrong) is None


def test_the_last_digit_of_the_measure_counts_in_the_units_of_the_layout() -> None:
    number = checked("28" + "54321" + "00000" + "00240")
    assert read_label([LONG], number) == Label("28:54321", 1200, None)


def test_a_layout_may_say_that_there_is_no_check_digit() -> None:
    bare = LabelLayout("21", 13, (2, 7), (7, 13), "weight", check_digit=False)
    assert read_label([bare], "2112345001500") == Label("21:12345", 1500, None)


def test_the_first_layout_that_fits_is_taken() -> None:
    price = LabelLayout("2", 13, (1, 7), (7, 12), "price")
    number = Printed(12345, 1250).weight()
    assert read_label([price, WEIGHT], number) == Label("2:112345", None, 1250)
    assert read_label([WEIGHT, price], number) == Label("21:12345", 1250, None)


@given(st.text(max_size=20))
def test_no_text_raises(text: str) -> None:
    read_label([WEIGHT, PRICE, LONG], text)


@pytest.mark.parametrize(
    ("layout", "why"),
    [
        (LabelLayout("21", 13, (2, 14), (7, 12), "weight"), "item: expected digits within 0 to 12, got 2 to 14"),
        (LabelLayout("21", 13, (2, 7), (9, 8), "weight"), "measure: expected digits within 0 to 12, got 9 to 8"),
        (LabelLayout("2x", 13, (2, 7), (7, 12), "weight"), "prefix: expected digits, got '2x'"),
        (LabelLayout("21", 13, (2, 7), (7, 12), "weight", scale=0), "scale: expected 1 or more, got 0"),
        (
            LabelLayout("21", 13, (2, 7), (8, 11), "price", price_check=7),
            "price_check: only a measure of 4 or 5 digits has one, this has 3",
        ),
        (
            LabelLayout("21", 13, (2, 7), (7, 12), "price", price_check=12),
            "price_check: expected a digit within 0 to 12, got 12",
        ),
        (WEIGHT, ""),
        (PRICE, ""),
    ],
)
def test_a_layout_that_cannot_be_read_says_why(layout: LabelLayout, why: str) -> None:
    assert fault(layout) == why
