"""Global trade item numbers: GTIN-8, 12, 13 and 14 by their check digit, and those that mean nothing elsewhere."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from biip import ParseError
from biip.gtin import Gtin as Parsed
from biip.gtin import GtinFormat

LENGTHS: Final = frozenset((8, 12, 13, 14))
_WIDTH: Final = 14
_WEIGHTS: Final = np.array([3, 1] * 7, np.int64)
_OWN_13: Final = frozenset((2, 4, *range(20, 30)))
"""First two of thirteen digits that a chain gives out itself: 02, 04, 20-29."""
_NO_PRODUCT: Final = frozenset((5, 98, 99))
"""First two of thirteen digits of coupons and refunds."""


class Gtin(NamedTuple):
    """A number with a right check digit. ``value`` is the same whatever its format: leading zeros do not count."""

    value: int
    restricted: bool
    """given out by a chain for itself (prefixes 02, 04, 20-29; of eight digits 0 and 2): (enterprise, number) counts"""
    short: bool
    """eight digits: one in ten internal codes of that length has a right check digit too"""


def gtin(text: str) -> Gtin | None:
    """The number that a text is, or None: wrong length, letters, wrong check digit, all zeros, a coupon.

    >>> gtin("6901234567892"), gtin("6901234567891"), gtin("0000000000000")
    (Gtin(value=6901234567892, restricted=False, short=False), None, None)
    """
    plain = text.strip()
    if not (plain.isascii() and plain.strip("0")):
        return None
    try:
        parsed = Parsed.parse(plain)
    except ParseError:
        return None
    thirteen = int(parsed.as_gtin_14()[1:3])
    short = parsed.format == GtinFormat.GTIN_8
    if short:
        restricted = parsed.payload[0] in "02"
    elif thirteen in _NO_PRODUCT:
        return None
    else:
        restricted = thirteen in _OWN_13
    return Gtin(int(plain), restricted, short)


def products(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Value of each text that is a GTIN of use to all, else 0: int64 of shape (len(texts),).

    Restricted and short numbers count as none. In bulk, 0.5 us a text, where ``gtin`` takes 15.
    """
    found = np.zeros(len(texts), np.int64)
    at = [i for i, t in enumerate(texts) if len(t) in LENGTHS and t.isascii() and t.isdigit()]
    if not at:
        return found
    flat = np.frombuffer("".join([texts[i].zfill(_WIDTH) for i in at]).encode(), np.uint8)
    digits = flat.reshape(-1, _WIDTH).astype(np.int64) - ord("0")
    value = digits @ (10 ** np.arange(_WIDTH - 1, -1, -1, dtype=np.int64))
    prefix = digits[:, 1] * 10 + digits[:, 2]
    use = (digits @ _WEIGHTS % 10 == 0) & (value >= 10**8)
    use &= ~np.isin(prefix, [*_OWN_13, *_NO_PRODUCT])
    found[np.array(at)] = np.where(use, value, 0)
    return found
