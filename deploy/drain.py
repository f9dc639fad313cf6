"""Waiting until everything that was sent has gone through every stage: each group has read its topics to their ends."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from deploy.errors import DeployError
from streams.topics import ALERTS, CELLS, CLEAN, HEARTBEATS, RAW, REGISTRY, REJECTED, SIGNALS, SKUS

FLOW: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("infopump-normalize", (RAW,)),
    ("infopump-detect", (CELLS,)),
    ("infopump-escalate", (SIGNALS,)),
    ("infopump-writer", (CLEAN, REJECTED, SIGNALS, ALERTS, SKUS, REGISTRY, HEARTBEATS)),
)
"""Consumer groups in the order of the flow: once one has caught up, the ends of the topics behind it are final."""


class DrainError(DeployError):
    """The stages did not catch up in time; names the group and its lag."""


class Drain:
    """Looks at the lag of the groups of ``flow``."""

    def __init__(self, bootstrap: str, flow: Sequence[tuple[str, tuple[str, ...]]] = FLOW) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
        self._flow = tuple(flow)
        topics = self._admin.list_topics(timeout=30).topics
        self._partitions = {
            topic: [TopicPartition(topic, p) for p in topics[topic].partitions] for _, of in self._flow for topic in of
        }

    def lag(self, group: str, topics: Sequence[str]) -> int:
        """Records between what the group has committed and the ends of the topics."""
        wanted = [p for topic in topics for p in self._partitions[topic]]
        asked = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, wanted)])
        committed = {
            (p.topic, p.partition): max(p.offset, 0) for p in asked[group].result(timeout=30).topic_partitions or ()
        }
        ends = self._admin.list_offsets({p: OffsetSpec.latest() for p in wanted})  # type: ignore[no-untyped-call]  # untyped upstream
        return sum(
            max(0, end.result(timeout=30).offset - committed.get((p.topic, p.partition), 0)) for p, end in ends.items()
        )

    def wait(
        self,
        timeout: float,
        *,
        progress: Callable[[str, int], None] = lambda _group, _lag: None,
        failed: Callable[[], str | None] = lambda: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Wait for each group in turn.

        ``progress`` is told the group and its lag. Raises DrainError after ``timeout`` seconds without progress of a
        group, or when ``failed`` gives a reason.
        """
        for group, topics in self._flow:
            best, deadline = None, time.monotonic() + timeout
            while True:
                lag = self.lag(group, topics)
                progress(group, lag)
                if lag == 0:
                    break
                if best is None or lag < best:
                    best, deadline = lag, time.monotonic() + timeout
                why = failed()
                if why or time.monotonic() > deadline:
                    raise DrainError(why or f"{group} stands still with {lag} records of {', '.join(topics)} to go")
                sleep(0.2)
