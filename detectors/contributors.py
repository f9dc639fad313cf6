"""How many enterprises stand behind what is said of a city: counts for the evidence, never names."""

from typing import NamedTuple

import msgspec
import numpy as np

from detectors import chains
from detectors.bars import bar_ms
from detectors.block import Block
from detectors.tree import ALL
from streams.chains import count
from streams.evidence import Evidence


class Contributors(NamedTuple):
    """Of a region and commodity."""

    chains: int
    """enterprises, estimated; 0: not known"""
    shops: int
    """a lower bound: an enterprise has at least one"""

    def beside(self, evidence: Evidence | None) -> Evidence | None:
        """The evidence with the number of enterprises, where that is known."""
        return msgspec.structs.replace(evidence or Evidence(), chains=self.chains) if self.chains else evidence


def contributors(block: Block, region: str, commodity: str, since: int) -> Contributors:
    """From whom lines came since the hour of ``since`` (ms UTC; as far back as masks reach: two days).

    ``region`` is a county or the city itself, ``commodity`` may be ``*``.
    """
    unit = block.unit_at[region]
    code = slice(None) if commodity == ALL else block.code_at[commodity]
    mask = chains.since(block.bars.chains, since, bar_ms(block.pace), unit or slice(None), code)
    return Contributors(int(count(np.array(mask))), int(np.bitwise_count(mask)))
