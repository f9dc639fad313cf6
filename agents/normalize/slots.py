"""Dense numbers for (shop, article): a hash table in numpy, looked up by columns."""

from array import array
from typing import Final

import numpy as np
import numpy.typing as npt

from agents.normalize.groups import Ints, Mask

_ROW_BITS: Final = 32
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio: multiplication by it spreads neighbouring keys (Knuth, TAOCP 6.4)."""
_START_BITS: Final = 11


class Slots:
    """Numbers from 0 in the order of first sight; open addressing with linear probing, at most half full.

    12 to 20 bytes a pair, where a dict of ints takes 200.
    """

    def __init__(self) -> None:
        self._bits = _START_BITS
        self._table = np.full(1 << self._bits, -1, np.int32)
        self._keys = np.zeros(1 << (self._bits - 1), np.int64)
        self._of_shop: dict[int, array[int]] = {}
        self._len = 0

    def __len__(self) -> int:
        return self._len

    def of(self, shop: Ints, row: Ints) -> Ints:
        """Slot of each (shop, catalogue row), made where it is new; all int64 of shape (n,)."""
        key = (shop << _ROW_BITS) | row
        slot = self._find(key)
        missing = np.flatnonzero(slot < 0)
        if len(missing):
            new, first = np.unique(key[missing], return_index=True)
            self._add(new[np.argsort(first)])
            slot[missing] = self._find(key[missing])
        return slot

    def of_shop(self, shop: int) -> Ints:
        """Slots of a shop in the order of first sight."""
        found = self._of_shop.get(shop)
        return np.zeros(0, np.int64) if found is None else np.frombuffer(found, np.int32).astype(np.int64)

    def rows(self, slot: Ints) -> Ints:
        """Catalogue row of each slot."""
        return self._keys[slot] & ((1 << _ROW_BITS) - 1)

    def _home(self, key: Ints) -> Ints:
        return ((key.view(np.uint64) * _MIX) >> np.uint64(64 - self._bits)).view(np.int64)

    def _find(self, key: Ints) -> Ints:
        """Slot of each key, -1 where there is none."""
        at = self._home(key)
        slot = self._table[at].astype(np.int64)
        # An empty place ends the search; its -1 reads some key, which does not matter.
        astray = np.flatnonzero((self._keys[slot] != key) & (slot >= 0))
        while len(astray):
            at[astray] = (at[astray] + 1) & (len(self._table) - 1)
            found = self._table[at[astray]]
            slot[astray] = found
            astray = astray[(self._keys[found] != key[astray]) & (found >= 0)]
        return slot

    def _add(self, new: Ints) -> None:
        """Give numbers to keys that are different and not here yet."""
        end = self._len + len(new)
        while end > len(self._keys):
            self._keys = np.concatenate([self._keys, np.zeros_like(self._keys)])
        slots = np.arange(self._len, end)
        self._keys[slots] = new
        self._len = end
        for slot, shop in zip(slots.tolist(), (new >> _ROW_BITS).tolist(), strict=True):
            if shop not in self._of_shop:
                self._of_shop[shop] = array("i")
            self._of_shop[shop].append(slot)
        if 2 * end > len(self._table):
            while 2 * end > 1 << self._bits:
                self._bits += 1
            self._table = np.full(1 << self._bits, -1, np.int32)
            slots = np.arange(end)
        self._place(slots)

    def _place(self, slots: Ints) -> None:
        at = self._home(self._keys[slots])
        while len(slots):
            free: Mask = self._table[at] < 0
            self._table[at[free]] = slots[free]
            # Of several that went for one place the last has it; the others go on.
            lost: npt.NDArray[np.bool_] = self._table[at] != slots
            slots, at = slots[lost], (at[lost] + 1) & (len(self._table) - 1)
