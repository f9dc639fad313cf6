"""What normalize remembers of a terminal, as one block: written together with the offset that it has applied."""

from dataclasses import dataclass, field

import msgspec
import numpy as np

from agents.normalize.catalogue import Catalogue
from agents.normalize.relatives import UsualPrices
from agents.normalize.seqs import Seqs


class _Block(msgspec.Struct, array_like=True):
    version: int
    applied: int
    watermark: int
    low: int
    above: list[int]
    skus: list[str]
    units: list[str]
    log_price: bytes
    at: bytes


@dataclass(slots=True)
class TerminalState:
    """Identity and prices of one terminal.

    ``applied`` is the raw offset up to which this state holds; ``watermark`` the latest ``sent_at``, ms UTC.
    """

    applied: int = -1
    watermark: int = 0
    seqs: Seqs = field(default_factory=Seqs)
    usual: UsualPrices = field(default_factory=UsualPrices)

    def to_bytes(self, catalogue: Catalogue) -> bytes:
        """The block; rows are written by name, since their numbers live only as long as the worker."""
        known = np.flatnonzero(~np.isnan(self.usual.log_price))
        pairs = [catalogue.pairs[i] for i in known.tolist()]
        block = _Block(
            version=1,
            applied=self.applied,
            watermark=self.watermark,
            low=self.seqs.low,
            above=sorted(self.seqs.above),
            skus=[sku for sku, _ in pairs],
            units=[unit for _, unit in pairs],
            log_price=self.usual.log_price[known].tobytes(),
            at=self.usual.at[known].tobytes(),
        )
        return msgspec.msgpack.encode(block)


def from_bytes(data: bytes, catalogue: Catalogue) -> TerminalState:
    """Take back what ``to_bytes`` wrote; raises msgspec.DecodeError where it is something else."""
    block = msgspec.msgpack.decode(data, type=_Block)
    rows = catalogue.rows_of(list(zip(block.skus, block.units, strict=True)))
    usual = UsualPrices()
    usual.grow(len(catalogue.pairs))
    usual.log_price[rows] = np.frombuffer(block.log_price)
    usual.at[rows] = np.frombuffer(block.at)
    return TerminalState(block.applied, block.watermark, Seqs(block.low, set(block.above)), usual)
