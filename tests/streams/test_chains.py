"""How many enterprises stand behind a mask: within the error that is stated, and no name in it."""

import numpy as np
import pytest

from streams.chains import MOST, count, mask_of


def test_an_enterprise_has_one_bit_that_never_changes() -> None:
    assert mask_of("E-1") == mask_of("E-1") == 1 << 42
    assert {bin(mask_of(f"E-{i}")).count("1") for i in range(200)} == {1}
    assert mask_of("") == 0


@pytest.mark.parametrize("n", [1, 2, 5, 10, 30, 64, 100])
def test_the_count_is_within_the_error_that_is_stated(n: int) -> None:
    """Over 300 sets of n: mean within a few per cent, and the deviation is that of linear counting."""
    masks = [np.bitwise_or.reduce([mask_of(f"{s}/{i}") for i in range(n)], dtype=np.uint64) for s in range(300)]
    found = count(np.array(masks, np.uint64)).astype(np.float64)
    t = n / 64
    error = np.sqrt(64 * (np.exp(t) - t - 1))
    assert found.mean() == pytest.approx(n, rel=0.05, abs=0.1)
    assert found.std() <= 1.35 * error + 0.3


def test_more_than_can_be_told_is_the_most_that_can_be_told() -> None:
    full = np.array([2**64 - 1], np.uint64)
    assert count(full).tolist() == [MOST]
    assert count(full >> np.uint64(1)).tolist() == [266]
