"""Regions and commodities as nodes of a tree: the series that were given, and the sums above them.

Division codes of 2, 4 and 6 digits are a hierarchy; any other region is flat under the root. A parent's children are
the given regions below it that have no other given region in between, so that nothing is counted twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import numpy as np

from detectors.state import Floats, Ints, Mask

ALL: Final = "*"
"""The root of the regions, and all commodities together."""
_DIGITS: Final = (2, 4, 6)


@dataclass(frozen=True)
class Tree:
    """Nodes by name: first the given ones, then their parents (cities, provinces, the root)."""

    regions: tuple[str, ...]
    commodities: tuple[str, ...]
    leaves: int
    """given regions: the first so many nodes"""
    goods: int
    """given commodities"""

    @classmethod
    def of(cls, regions: Sequence[str], commodities: Sequence[str]) -> Self:
        """The tree over these regions and commodities; both are taken in the order given, each once."""
        given = tuple(dict.fromkeys(regions))
        goods = tuple(dict.fromkeys(commodities))
        known = set(given)
        parents = sorted(
            {code[:n] for code in given if is_code(code) for n in _DIGITS if n < len(code)} - known,
            key=lambda code: (-len(code), code),
        )
        root = [ALL] if len(given) > 1 and ALL not in known else []
        return cls(
            (*given, *parents, *root),
            (*goods, *([ALL] if len(goods) > 1 and ALL not in goods else [])),
            len(given),
            len(goods),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of region nodes and of commodity nodes."""
        return len(self.regions), len(self.commodities)

    @cached_property
    def below(self) -> tuple[Ints, Ints]:
        """Pairs (given region, parent), sorted by parent: the regions whose sum a parent is."""
        known = set(self.regions[: self.leaves])
        pairs = [
            (i, p)
            for p, parent in enumerate(self.regions[self.leaves :])
            for i, region in enumerate(self.regions[: self.leaves])
            if _is_below(region, parent) and not _between(region, parent, known)
        ]
        leaf, parent_ = np.array(pairs, np.int64).reshape(-1, 2).T
        return leaf, parent_

    def rise(self, given: Floats) -> Floats:
        """Sums of all nodes, float64 (..., regions, commodities), of values (..., leaves, goods).

        A value that was not reported is NaN; a sum is that of what was reported, NaN where nothing was.
        """
        return _widen(self.over_regions(given), self.shape[1])

    def over_regions(self, given: Floats) -> Floats:
        """As ``rise``, over regions alone: (..., regions, columns) of values (..., leaves, columns)."""
        leaf, parent = self.below
        if not len(leaf):
            return given
        starts = np.searchsorted(parent, np.arange(len(self.regions) - self.leaves))
        part = given[..., leaf, :]
        there = ~np.isnan(part)
        total = np.add.reduceat(np.where(there, part, 0.0), starts, axis=-2)
        total[np.add.reduceat(there, starts, axis=-2) == 0] = np.nan
        return np.concatenate([given, total], axis=-2)

    def plural(self, seen: Mask) -> Mask:
        """Nodes worth a word of their own, bool (regions, commodities): given ones that were seen, and parents of two.

        A parent of which all series lie below one of its parts (a province with one city) is that part once more.

        ``seen``, bool (leaves, goods), says which series have ever reported.
        """
        under: Floats = np.nan_to_num(self.rise(np.where(seen, 1.0, np.nan)))
        leaf, parent = self.below
        children = np.bincount(
            parent, weights=np.asarray(seen.any(axis=1))[leaf], minlength=len(self.regions) - self.leaves
        )
        needed = np.full(self.shape, 2.0)
        needed[: self.leaves, : self.goods] = 1.0
        needed[self.leaves :, :][children < 2.0] = np.inf
        needed[self.leaves :, :][under[self.leaves :, :] <= self._largest_part(under)] = np.inf
        return np.asarray(under >= needed)

    @cached_property
    def apart(self) -> Ints:
        """Of each region node the node outside of which its siblings are, int64 (regions,); -1 where there are none.

        For a given region that is the smallest parent that is not all there is, or else itself; for a parent itself.
        """
        whole = len(self.regions) - 1
        leaf, parent = self.below
        under = np.bincount(parent, minlength=whole + 1 - self.leaves)
        apart = np.arange(whole + 1)
        if whole < self.leaves or under[-1] < self.leaves:
            return np.full(whole + 1, -1, np.int64)
        for i, p in sorted(zip(leaf.tolist(), parent.tolist(), strict=True), key=lambda pair: -under[pair[1]]):
            if 1 < under[p] < self.leaves:
                apart[i] = self.leaves + p
        apart[self.leaves :][under == self.leaves] = -1
        return apart.astype(np.int64)

    @cached_property
    def _nested(self) -> tuple[Ints, Ints]:
        """Pairs (parent, parent above it), numbers among the parents, sorted by the second."""
        parents = self.regions[self.leaves :]
        pairs = [
            (i, j) for j, above in enumerate(parents) for i, p in enumerate(parents) if i != j and _is_below(p, above)
        ]
        part, above_ = np.array(pairs, np.int64).reshape(-1, 2).T
        return part, above_

    def _largest_part(self, under: Floats) -> Floats:
        """Series below the largest parent that lies below each, float64 (parents, commodities); 0.0: there is none."""
        part, above = self._nested
        largest = np.zeros((len(self.regions) - self.leaves, under.shape[-1]))
        np.maximum.at(largest, above, under[self.leaves :][part])
        return largest


def is_code(region: str) -> bool:
    """Whether a region is a division code, and so has a place in the hierarchy."""
    return region.isascii() and region.isdigit() and len(region) in _DIGITS


def _is_below(region: str, parent: str) -> bool:
    return parent == ALL or (is_code(region) and len(region) > len(parent) and region.startswith(parent))


def _between(region: str, parent: str, known: set[str]) -> bool:
    """Whether another given region lies between the two."""
    if not is_code(region):
        return False
    least = 0 if parent == ALL else len(parent)
    return any(least < n < len(region) and region[:n] in known for n in _DIGITS)


def _widen(values: Floats, columns: int) -> Floats:
    if values.shape[-1] == columns:
        return values
    there = ~np.isnan(values)
    total = np.where(there, values, 0.0).sum(axis=-1, keepdims=True)
    total[~there.any(axis=-1, keepdims=True)] = np.nan
    return np.concatenate([values, total], axis=-1)
