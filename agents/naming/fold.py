"""Names as the lexicon is written: one width, lower case, simplified characters, plain brackets."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import opencc

MAX_CHARS: Final = 200
"""What comes behind is not looked at: a name of that length is a text."""

_OPEN: Final = str.maketrans({"[": "(", "{": "(", "【": "(", "〔": "(", "「": "(", "『": "(", "<": "(", "《": "("})
_CLOSE: Final = str.maketrans({"]": ")", "}": ")", "】": ")", "〕": ")", "」": ")", "』": ")", ">": ")", "》": ")"})
_BREAK: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


@cache
def _simplifier() -> Any:
    return opencc.OpenCC("t2s")


def fold(names: Sequence[str]) -> list[str]:
    """The names folded, in their order.

    >>> fold(["ＬＥＤ手電筒【充電】", "Whole MILK"])
    ['led手电筒(充电)', 'whole milk']
    """
    if not names:
        return []
    plain = [_BREAK.sub(" ", unicodedata.normalize("NFKC", n[:MAX_CHARS])).lower() for n in names]
    # One call for all: the converter's cost is in the call.
    simple: str = _simplifier().convert("\n".join(plain))
    folded = simple.split("\n")
    return [text.translate(_OPEN).translate(_CLOSE).strip() for text in folded]
