"""Notices a consumer that has fallen silent: it has work, and does not do it.

Faust's consumers can stop fetching after a rebalance without an error. The position that a worker has reached is
compared with the end of the log, asked for over another connection; a worker that stands still is ended, and whoever
supervises it starts it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.kafka import consumer_config

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Stall:
    """Pure decision: since when does each partition have work that is not being done."""

    limit: float
    """seconds"""
    _positions: dict[int, int] = field(default_factory=dict)
    _since: dict[int, float] = field(default_factory=dict)

    def check(self, now: float, positions: Mapping[int, int], ends: Mapping[int, int]) -> list[int]:
        """Partitions that have stood still for ``limit`` seconds although the log goes on.

        Parameters
        ----------
        now
            Seconds on a monotonic clock.
        positions
            Next offset to apply, by partition of this worker.
        ends
            End of the log, by partition; a partition whose end is not known is not judged.
        """
        for partition in list(self._since):
            if partition not in positions:
                del self._since[partition]
        for partition, position in positions.items():
            moved = self._positions.get(partition) != position
            if moved or position >= ends.get(partition, 0):
                self._since.pop(partition, None)
            else:
                self._since.setdefault(partition, now)
        self._positions = dict(positions)
        return sorted(p for p, since in self._since.items() if now - since >= self.limit)


class LogEnds:
    """Ends of a topic's partitions, over a connection of its own."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self._consumer = Consumer(consumer_config(bootstrap, "infopump-watchdog"))

    def ask(self, partitions: list[int], timeout: float = 5.0) -> dict[int, int]:
        """End of each partition; what the broker does not answer in time is left out."""
        ends = {}
        for partition in partitions:
            try:
                _, ends[partition] = self._consumer.get_watermark_offsets(
                    TopicPartition(self._topic, partition), timeout=timeout
                )
            except KafkaException as error:
                log.warning("end of log not known", topic=self._topic, partition=partition, error=str(error))
        return ends

    def close(self) -> None:
        """Leave."""
        self._consumer.close()
