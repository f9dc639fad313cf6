"""Lines by groups: distinct keys without a sort where their space is small."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_MAX_SPACE: Final = 1 << 21
"""Up to here a table of all possible keys is faster than a sort of those that came."""


def distinct(key: Ints, space: int) -> tuple[Ints, Ints]:
    """The different keys, rising, and the index into them of each key, of shape (n,): as ``np.unique`` gives them.

    Parameters
    ----------
    key
        int64 (n,), each in 0 … ``space`` - 1.

    >>> distinct(np.array([7, 3, 7]), 8)
    (array([3, 7]), array([1, 0, 1]))
    """
    if space > _MAX_SPACE:
        values, inverse = np.unique(key, return_inverse=True)
        return values, inverse
    met = np.zeros(space, np.bool_)
    met[key] = True
    values = np.flatnonzero(met)
    if len(values) == space:
        return values, key
    number = np.empty(space, np.int64)
    number[values] = np.arange(len(values))
    return values, number[key]


_SMALL: Final = 64
"""So many texts cost less to write than to leave out; as do half as many as there are lines."""


class Tags:
    """A text column: ``index`` int32 (n,) into ``texts``, of which one may stand there twice."""

    __slots__ = ("index", "texts")

    def __init__(self, index: npt.NDArray[Any], texts: pa.Array) -> None:
        self.index = index.astype(np.int32, copy=False)
        self.texts = texts

    def part(self, start: int, end: int) -> pa.Array:
        """Lines ``start`` to ``end`` with few texts that they do not use, as the columns of a clean batch."""
        index = self.index[start:end]
        if len(self.texts) <= max(_SMALL, len(index) // 2) or len(index) == len(self.index):
            return _coded(index, self.texts)
        used, inverse = distinct(index.astype(np.int64), len(self.texts))
        texts = self.texts if len(used) == len(self.texts) else self.texts.take(pa.array(used))
        return _coded(inverse.astype(np.int32), texts)

    def texts_of_lines(self) -> list[str]:
        """The text of each line."""
        texts = self.texts.to_pylist()
        return [texts[i] for i in self.index.tolist()]


def _coded(index: npt.NDArray[np.int32], texts: pa.Array) -> pa.Array:
    # Not checked again: that takes as long as writing it.
    return pa.DictionaryArray.from_arrays(pa.array(index), texts, safe=False)


def tagged(column: pa.Array) -> Tags:
    """A column of strings by its different texts; a text that was not sent is empty."""
    if column.null_count == len(column):
        return Tags(np.zeros(len(column), np.int32), pa.array([""]))
    found = column.dictionary_encode("encode")
    texts = found.dictionary.fill_null("") if column.null_count else found.dictionary
    return Tags(found.indices.to_numpy(), texts)


def tagged_of(values: list[str], counts: Ints) -> Tags:
    """Tags of lines of which ``counts[i]`` carry ``values[i]``."""
    numbers: dict[str, int] = {}
    index = np.array([numbers.setdefault(v, len(numbers)) for v in values], np.int32)
    return Tags(np.repeat(index, counts), pa.array(list(numbers), pa.string()))
