"""What is attacked, and by whom. Pure."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from sinks.disclosure import Flags, Indices, Ints

OUTSIDER: Final = -1
MOST: Final = 0.5
"""Part of a hidden cell from which on its holding is an attacker of its own: what others know bounds little."""
ALL: Final = 1.0
"""Only who is alone in a cell is. Half of a week may be less than half of a day in it: where tables are published one
after the other, what was safe before would not be with more, whatever is hidden."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is attacked; arrays of length cells, ``sums`` sparse CSC of sums × cells.

    ``kinds``: what each sum goes over, as in ``Frame``; ``value``: the truth; ``hidden``: not published; ``need``: how
    far below and above its value each cell must stay possible; ``need_from_owner``: the same when the attacker is
    ``owner``, the holding with the largest contribution to the cell, which is ``own``; ``share``: which part of a cell
    makes its holding an attacker, MOST or ALL.
    """

    sums: Any
    kinds: Indices
    value: Ints
    hidden: Flags
    need: Ints
    need_from_owner: Ints
    owner: Indices
    own: Ints
    share: float = MOST

    def known_in_part(self, cells: Ints) -> Flags:
        """Those of the cells of which one holding knows so much that it is an attacker of its own."""
        own = self.own[cells]
        known: Flags = (own >= self.share * self.value[cells]) & (own > 0)
        return known

    def needs_against(self, attacker: int, cells: Ints) -> Ints:
        """The needs of some cells against one attacker; 0 for what is its own alone."""
        need = self.need[cells]
        if attacker == OUTSIDER:
            return need
        return np.where(self.owner[cells] == attacker, np.minimum(self.need_from_owner[cells], need), need)

    def need_from_its_owner(self, cell: int) -> int:
        """The need of one cell against its own owner."""
        return min(int(self.need[cell]), int(self.need_from_owner[cell]))
