"""Millions of small rows by a number: sorted arrays for the many, a dict for the latest."""

from typing import Final

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.void]
_SHARE: Final = 16


class Keyed:
    """Rows of one structured dtype whose first field ``key`` is int64; rows of a key in the order in which they came.

    What was added last is held by a dict until it is more than a sixteenth of all, and then sorted in: 30 to 60 bytes a
    row in all, where a dict of objects takes 400. Not safe between threads.

    Parameters
    ----------
    fields
        (name, numpy type) of each field after ``key``.
    owner
        The field that tells apart rows of a key: a later row replaces an earlier one of the same owner. Empty: a
        later row replaces all earlier ones.
    recent
        So many rows may wait in the dict, however few are sorted.
    """

    def __init__(self, fields: list[tuple[str, str]], owner: str = "", *, recent: int = 100_000) -> None:
        self.dtype = np.dtype([("key", "<i8"), *fields])
        self._owner = owner
        self._most = recent
        self._sorted: Rows = np.empty(0, self.dtype)
        self._keys: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._recent: dict[int, list[Rows]] = {}
        self._new: list[Rows] = []
        self._waiting = 0

    def add(self, rows: Rows) -> None:
        """Add rows of ``dtype``, shape (n,)."""
        self._new.append(rows)
        self._waiting += len(rows)

    def find(self, key: int) -> list[Rows]:
        """Rows of a key, oldest first: scalars of ``dtype``."""
        if self._new:
            self._settle()
        first, last = np.searchsorted(self._keys, (key, key + 1))
        return [*self._sorted[first:last], *self._recent.get(key, ())]

    def __len__(self) -> int:
        """Rows held; replaced ones may still be counted."""
        return len(self._sorted) + self._waiting

    def _settle(self) -> None:
        """Take in what was added: to the dict while it is little, else all into the arrays."""
        if self._waiting <= max(self._most, len(self._sorted) // _SHARE):
            for rows in self._new:
                for key, row in zip(rows["key"].tolist(), rows, strict=True):
                    self._recent.setdefault(key, []).append(row)
            self._new.clear()
            return
        held = [np.array(rows, self.dtype) for rows in self._recent.values()]
        everything = np.concatenate([self._sorted, *held, *self._new])
        self._recent, self._new, self._waiting = {}, [], 0
        del held
        by = [everything[self._owner], everything["key"]] if self._owner else [everything["key"]]
        order = np.lexsort(by)
        # lexsort is stable: of rows that are equal in key and owner the last one is the latest.
        different = np.zeros(len(order), bool)
        different[-1:] = True
        for column in by:
            values = column[order]
            different[:-1] |= values[1:] != values[:-1]
        self._sorted = everything[order[different]]
        self._keys = np.ascontiguousarray(self._sorted["key"])
