"""What normalize remembers of a terminal, as one block: written together with the offset that it has applied."""

import struct
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from agents.normalize.catalogue import Catalogue
from agents.normalize.prices import UsualPrices
from agents.normalize.seqs import Seqs

_VERSION: Final = 3
_PRICES_SINCE: Final = 2
"""Up to version 1 prices were those of base units: they are forgotten. Version 2 had no holds."""


class _Block(msgspec.Struct, array_like=True):
    version: int
    enterprise: str
    applied: int
    watermark: int
    low: int
    above: list[int]
    skus: list[str] | msgspec.Raw
    units: list[str] | msgspec.Raw
    log_price: bytes
    at: bytes
    held: tuple[bytes, bytes, bytes] = (b"", b"", b"")
    """as of Holds.written"""


class _Read(_Block, array_like=True):
    skus: list[str]
    units: list[str]


@dataclass(slots=True)
class _Names:
    """Texts packed once: a block is written at every checkpoint, and most of its articles are the same."""

    packed: bytearray = field(default_factory=bytearray)
    count: int = 0

    def add(self, text: str) -> None:
        self.packed += msgspec.msgpack.encode(text)
        self.count += 1

    def raw(self) -> msgspec.Raw:
        # MessagePack's array of 32-bit length.
        return msgspec.Raw(b"\xdd" + struct.pack(">I", self.count) + self.packed)


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
    _skus: _Names = field(default_factory=_Names)
    _units: _Names = field(default_factory=_Names)

    def to_bytes(self, catalogue: Catalogue, usual: UsualPrices) -> bytes:
        """The block; articles are written by name, since their numbers live only as long as the worker."""
        slots = usual.met_in(self.shop)
        for row in usual.rows(slots[self._skus.count :]).tolist():
            self._skus.add(catalogue.skus[row])
            self._units.add(catalogue.shelf_of(row).unit)
        block = _Block(
            version=_VERSION,
            enterprise=self.enterprise,
            applied=self.applied,
            watermark=self.watermark,
            low=self.seqs.low,
            above=sorted(self.seqs.above),
            skus=self._skus.raw(),
            units=self._units.raw(),
            log_price=usual.log_price[slots].tobytes(),
            at=usual.at[slots].tobytes(),
            held=usual.holds.written(slots),
        )
        return msgspec.msgpack.encode(block)


def from_bytes(data: bytes, shop: int, catalogue: Catalogue, usual: UsualPrices) -> TerminalState:
    """Take back what ``to_bytes`` wrote; raises msgspec.DecodeError where it is something else."""
    block = msgspec.msgpack.decode(data, type=_Read)
    rows = np.array(
        [
            row
            for sku, unit in zip(block.skus, block.units, strict=True)
            for row in catalogue.rows_of(catalogue.shelf(block.enterprise, unit), [sku])
        ],
        np.int64,
    )
    if block.version >= _PRICES_SINCE:
        slots = usual.take_back(shop, rows, np.frombuffer(block.log_price), np.frombuffer(block.at))
        usual.holds.take_back(slots, *block.held)
    else:
        usual.take_back(shop, rows, np.full(len(rows), np.nan), np.zeros(len(rows)))
    return TerminalState(shop, block.enterprise, block.applied, block.watermark, Seqs(block.low, set(block.above)))
