"""What normalize remembers of a terminal, as one block: written together with the offset that it has applied."""

from dataclasses import dataclass, field

import msgspec
import numpy as np

from agents.normalize.catalogue import Catalogue
from agents.normalize.prices import UsualPrices
from agents.normalize.seqs import Seqs


class _Block(msgspec.Struct, array_like=True):
    version: int
    enterprise: str
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
    """Identity of one terminal; its prices stand in UsualPrices under ``shop``.

    ``applied`` is the raw offset up to which this state holds; ``watermark`` the latest ``sent_at``, ms UTC.
    """

    shop: int
    enterprise: str
    applied: int = -1
    watermark: int = 0
    seqs: Seqs = field(default_factory=Seqs)

    def to_bytes(self, catalogue: Catalogue, usual: UsualPrices) -> bytes:
        """The block; articles are written by name, since their numbers live only as long as the worker."""
        rows, slots = usual.known(self.shop)
        articles = [catalogue.articles[i] for i in rows.tolist()]
        block = _Block(
            version=1,
            enterprise=self.enterprise,
            applied=self.applied,
            watermark=self.watermark,
            low=self.seqs.low,
            above=sorted(self.seqs.above),
            skus=[sku for _, sku, _ in articles],
            units=[unit for _, _, unit in articles],
            log_price=usual.log_price[slots].tobytes(),
            at=usual.at[slots].tobytes(),
        )
        return msgspec.msgpack.encode(block)


def from_bytes(data: bytes, shop: int, catalogue: Catalogue, usual: UsualPrices) -> TerminalState:
    """Take back what ``to_bytes`` wrote; raises msgspec.DecodeError where it is something else."""
    block = msgspec.msgpack.decode(data, type=_Block)
    rows = catalogue.rows_of([(block.enterprise, s, u) for s, u in zip(block.skus, block.units, strict=True)])
    slots = usual.slots(np.full(len(rows), shop), rows)
    usual.log_price[slots] = np.frombuffer(block.log_price)
    usual.at[slots] = np.frombuffer(block.at)
    return TerminalState(shop, block.enterprise, block.applied, block.watermark, Seqs(block.low, set(block.above)))
