"""Kinds of nodes: given regions, cities, provinces, the root, each by single goods and by all of them together."""

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from detectors.state import Ints
from detectors.tree import Tree

Singles = npt.NDArray[np.float32]


class Kinds(NamedTuple):
    """Where the nodes of each kind begin, and how many rows and columns they fill; those of a kind stand together."""

    rows: Ints
    heights: Ints
    columns: Ints
    widths: Ints

    @classmethod
    def of(cls, tree: Tree) -> Self:
        """The kinds of a tree: parents by the length of their codes."""
        parents = np.array([len(region) for region in tree.regions[tree.leaves :]], np.int64)
        rows = np.append(0, tree.leaves + np.flatnonzero(np.diff(parents, prepend=-1)))
        columns = np.arange(0, len(tree.commodities), tree.goods)
        return cls(
            rows,
            np.diff(rows, append=len(tree.regions)),
            columns,
            np.diff(columns, append=len(tree.commodities)),
        )

    def total(self, values: Singles) -> Singles:
        """Sum over the nodes of each kind, at each of them; float32 (..., regions, commodities)."""
        sums = np.add.reduceat(np.add.reduceat(values, self.rows, axis=-2), self.columns, axis=-1)
        return np.repeat(np.repeat(sums, self.heights, axis=-2), self.widths, axis=-1)
