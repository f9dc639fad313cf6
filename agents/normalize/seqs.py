"""Which sequence numbers of a terminal have been applied: a low-water mark and the few above it."""

from dataclasses import dataclass, field
from typing import Final

MAX_ABOVE: Final = 4_096
"""So many numbers may stand above a gap before the gap is given up: a bound on the state of a broken terminal."""


@dataclass(slots=True)
class Seqs:
    """``low``: it and all below it are applied (or given up); ``above``: those applied beyond a gap."""

    low: int = 0
    above: set[int] = field(default_factory=set)

    def __contains__(self, seq: int) -> bool:
        return seq <= self.low or seq in self.above

    def add(self, seq: int) -> int:
        """Mark ``seq`` as applied; returns by how many the numbers missing below the highest have grown.

        >>> s = Seqs()
        >>> [s.add(n) for n in (1, 2, 5, 4)], s.low, sorted(s.above), s.gap
        ([0, 0, 2, -1], 2, [4, 5], 1)
        """
        if seq == self.low + 1 and not self.above:
            self.low = seq
            return 0
        if seq in self:
            return 0
        before = self.gap
        self.above.add(seq)
        if len(self.above) > MAX_ABOVE:
            self.low = min(self.above)
            self.above.discard(self.low)
        while self.low + 1 in self.above:
            self.low += 1
            self.above.discard(self.low)
        return self.gap - before

    @property
    def gap(self) -> int:
        """How many numbers are missing below the highest one."""
        return max(self.above) - self.low - len(self.above) if self.above else 0
