"""The ledger: what is written of each partition, kept in the consumer group's committed offsets and their metadata.

The protocol of a block, for one topic partition:

1. Consume until the block is large enough or old enough. Nothing is recorded: after a crash it is consumed again.
2. Commit the offset of the block's first message, with metadata: the last offset of the block, and the high-water (the
   newest raw offset applied of each source) before it. From here on the block is *begun*: its range is fixed.
3. Insert the block's rows into each table with the token ``topic@id:partition:first-last/table``.
4. Commit the offset after the block's last message, with metadata: no block begun, and the high-water after it.

After a crash, or a rebalance, the next owner reads the metadata. Where a block is begun, exactly that block is built
again: the same messages and the same high-water give the same rows, the same token tells the store which of them it
has. Where none is begun, whatever was consumed had not reached the store.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import TopicPartition

VERSION: Final = "1"


class LedgerError(RuntimeError):
    """The metadata of a committed offset is not what this program writes."""


@dataclass(frozen=True, slots=True)
class Position:
    """What the ledger says of one partition."""

    first: int | None = None
    """offset of the first message that is not known to be written; None: nothing was ever committed"""
    pending: int | None = None
    """last offset of the block that was begun; None: none is"""
    high: Mapping[str, int] = field(default_factory=dict)
    """source → newest raw offset applied; a source is what comes in the order of its raw offsets (``blocks.source``)"""


def encode(pending: int | None, high: Mapping[str, int]) -> str:
    """``version;pending;source:offset,…``, some 15 bytes a source (a broker takes 4,096 by default)."""
    marks = ",".join(f"{source}:{offset}" for source, offset in sorted(high.items()))
    return f"{VERSION};{'' if pending is None else pending};{marks}"


def decode(metadata: str) -> tuple[int | None, dict[str, int]]:
    """What ``encode`` wrote; nothing begun and no high-water where there is no metadata. Raises LedgerError."""
    if not metadata:
        return None, {}
    try:
        version, pending, marks = metadata.split(";")
        if version != VERSION:
            raise ValueError(version)
        pairs = (mark.split(":") for mark in marks.split(",") if mark)
        high = {source: int(offset) for source, offset in pairs}
        return (int(pending) if pending else None), high
    except ValueError as error:
        raise LedgerError(
            f"expected metadata of version {VERSION} as version;pending;source:offset,…, got {metadata[:80]!r}: "
            "another program committed in this group, or a newer infopump did; start that one, or use another group"
        ) from error


def position_of(committed: TopicPartition) -> Position:
    """What a committed offset says. Raises LedgerError."""
    if committed.offset < 0:
        return Position()
    pending, high = decode(committed.metadata or "")
    return Position(committed.offset, pending, high)


def begun(topic: str, partition: int, first: int, last: int, high: Mapping[str, int]) -> TopicPartition:
    """The commit of step 2: a block from ``first`` to ``last`` is begun with the high-water before it."""
    return TopicPartition(topic, partition, first, encode(last, high))


def written(topic: str, partition: int, last: int, high: Mapping[str, int]) -> TopicPartition:
    """The commit of step 4: the block that ends with ``last`` is written, with the high-water after it."""
    return TopicPartition(topic, partition, last + 1, encode(None, high))
