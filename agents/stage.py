"""What a stage is: a deterministic function of records with state blocks by key, and no I/O of its own."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Incoming:
    """One Kafka record as a stage sees it; ``timestamp`` in ms."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes
    headers: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One Kafka record that a stage wants sent; without a partition the key decides (murmur2)."""

    topic: str
    key: bytes
    value: bytes
    partition: int | None = None
    headers: dict[str, bytes] = field(default_factory=dict)


class Stage(Protocol):
    """A stage keeps what it computes inside until the runner asks for it at a checkpoint.

    After a crash the records since the last checkpoint are applied again on the restored state, so everything must
    follow from the records alone, and what is sent again must be recognisable by its identity.
    """

    @property
    def source(self) -> str:
        """The topic that it reads."""

    def apply(self, record: Incoming) -> None:
        """Compute; never raises for what stands in a record."""

    def drain(self) -> list[Outgoing]:
        """The outputs since the last call."""

    def dirty(self) -> dict[bytes, bytes]:
        """The state blocks changed since the last call, by key: the Kafka key of the records that they follow from."""

    def restore(self, key: bytes, block: bytes) -> None:
        """Take back a block, before the first record of its key is applied."""

    def reset(self) -> None:
        """Forget everything: the partitions may belong to another worker now."""
