"""What the classifier says of a name."""

from typing import NamedTuple


class Verdict(NamedTuple):
    """``code`` is the deepest taxonomy code that the name supports, empty where it declines.

    ``confidence`` is the chance, 0 to 1, that the first four digits of the code are right; of a declined name it is
    0. ``reasons`` are short words that a person can check: what was matched, and what decided.
    """

    code: str
    confidence: float
    brand: str
    reasons: tuple[str, ...]


DECLINED = Verdict("", 0.0, "", ())
