import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.identify.tax_codes import DIGITS, entries, tax_entry


@pytest.mark.parametrize(
    ("code", "codes"),
    [
        ("1010101030000000000", ("0104",)),
        ("1010101990000000000", ("01",)),
        ("1010115010100000000", ("0901",)),
        ("1030107010100000000", ("03", "04")),
        ("1030204010000000000", ("06",)),
        ("1010119060000000000", ("98",)),
        ("10303070", ("1401", "1402", "0606")),
    ],
)
def test_the_longest_known_prefix_holds(code: str, codes: tuple[str, ...]) -> None:
    found = tax_entry(code)
    assert found is not None
    assert found.codes == codes


@pytest.mark.parametrize(
    "code", ["", "1010000000000000000", "10101010300000000000", "abc", "1", "0101", "１０１０１０１"]
)
def test_what_is_not_known_says_nothing(code: str) -> None:
    assert tax_entry(code) is None


def test_a_prefix_that_goes_on_stays_within_the_one_above_it_or_says_that_it_does_not() -> None:
    strays = {"1010103", "10101150301", "1090413"}
    for prefix, entry in entries().items():
        above = next((entries()[prefix[:n]] for n in range(len(prefix) - 2, 0, -2) if prefix[:n] in entries()), None)
        if above is not None and prefix not in strays:
            assert any(code.startswith(a) for code in entry.codes for a in above.codes), (entry, above)


@given(st.text("0123456789", max_size=DIGITS + 2) | st.text())
def test_no_text_raises(text: str) -> None:
    tax_entry(text)
