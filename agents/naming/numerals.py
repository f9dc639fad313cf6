"""Chinese numerals as labels print them: 半, 两, 十二, 三十六, 一百二十."""

from typing import Final

_DIGITS: Final = "一二三四五六七八九"


def _table() -> dict[str, float]:
    under: dict[str, float] = {digit: n for n, digit in enumerate(_DIGITS, 1)}
    under |= {
        f"{tens}十{ones}": t * 10 + o for t, tens in enumerate(_DIGITS, 1) for o, ones in enumerate(["", *_DIGITS])
    }
    found = under | {f"十{ones}": 10.0 + o for o, ones in enumerate(["", *_DIGITS])}
    for n, digit in enumerate(["", "两", *_DIGITS]):
        hundreds = 100.0 * (1, 2, *range(1, 10))[n]
        found[f"{digit}百"] = hundreds
        found |= {f"{digit}百{'零' if value < 10 else ''}{text}": hundreds + value for text, value in under.items()}
    return found | {"半": 0.5, "两": 2.0}


# A table, not cn2an: that takes 16 us a call, refuses 半 and reads 一二 as 12. The forms of labels are few, and a
# look-up cannot raise. The tests hold the table against cn2an.
NUMERALS: Final = _table()
"""Value of every form up to 999, and of 半."""
CHARACTERS: Final = "半一二两三四五六七八九十百零"
LONGEST: Final = max(map(len, NUMERALS))


def numeral(text: str) -> float | None:
    """Value of a Chinese numeral, None where it is none.

    >>> numeral("十二"), numeral("半"), numeral("两百"), numeral("一二")
    (12.0, 0.5, 200.0, None)
    """
    return NUMERALS.get(text)
