"""Decimal text to integers, by columns and exactly: rounding as on paper, half away from zero."""

from decimal import Decimal
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streams.envelope import MAX_INT

_TYPE: Final = pa.decimal256(30, 18)
_FACTOR: Final = pa.decimal256(14, 6)
_PLAIN: Final = r"^[+-]?\d{1,12}(\.\d*)?$|^[+-]?\.\d+$"
_EXPONENT: Final = r"^[+-]?(\d{1,12}(\.\d*)?|\.\d+)[eE][+-]?\d{1,3}$"


def parse(texts: pa.Array) -> pa.Array:
    """Decimals of ``texts``, null where one is not a number of at most 12 digits before the point.

    Digits after the 18th decimal place are cut, which no rounding to fewer places can notice.

    >>> parse(pa.array(["1.0005", "-.5", "2e-3", "1,5", ""])).is_null().to_pylist()
    [False, False, False, True, True]
    """
    texts = pc.utf8_trim_whitespace(texts)
    powers = pc.match_substring_regex(texts, _EXPONENT)
    if pc.any(powers).as_py():
        # Rare (what a float of little value prints as), so one by one.
        plain = pa.array([f"{Decimal(t.as_py()):f}" for t in texts.filter(powers)], pa.string())
        texts = pc.replace_with_mask(texts, powers, plain)
    texts = pc.if_else(pc.match_substring_regex(texts, _PLAIN), texts, pa.scalar(None, pa.string()))
    return pc.replace_substring_regex(texts, r"(\.\d{18})\d+$", r"\1").cast(_TYPE)


def to_int(numbers: pa.Array, factor: Decimal) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """``numbers`` (decimals) times ``factor``, rounded half away from zero, and whether each could be had.

    A null, and what is beyond MAX_INT either way, gives 0 and False.

    >>> to_int(parse(pa.array(["1.0005", "-1.0005", "x"])), Decimal(1000))
    (array([ 1001, -1001,     0]), array([ True,  True, False]))
    """
    product = pc.multiply(numbers, pa.scalar(factor, _FACTOR))
    rounded = pc.round(product, ndigits=0, round_mode="half_towards_infinity")
    near = pc.less_equal(pc.abs(rounded.cast(pa.float64())), pa.scalar(float(MAX_INT)))
    good: npt.NDArray[np.bool_] = pc.fill_null(near, False).to_numpy(zero_copy_only=False)
    kept = pc.if_else(pa.array(good), rounded, pa.scalar(Decimal(0), rounded.type))
    values: npt.NDArray[np.int64] = kept.cast(pa.int64(), safe=False).to_numpy(zero_copy_only=False)
    return values, good
