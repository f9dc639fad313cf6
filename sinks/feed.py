"""The topics that the writer consumes: assignment with the ledger's positions, messages, commits, lag."""

import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Final, TypeVar

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from sinks.ledger import Position, position_of
from sinks.rows import READERS
from streams.kafka import consumer_config

_log = structlog.get_logger(__name__)

TOPICS: Final = tuple(READERS)
_BATCH: Final = 100
_ASK_SECONDS: Final = 15.0
_TRIES: Final = 4

T = TypeVar("T")
Key = tuple[str, int]
"""Topic and partition."""


class Feed:
    """A consumer of TOPICS in one group, which never commits by itself.

    ``gain`` is called with each partition that comes, its topic's id and its position; ``lose`` when one goes. Both
    are called from within ``receive``.
    """

    def __init__(
        self, bootstrap: str, group: str, gain: Callable[[Key, str, Position], None], lose: Callable[[Key], None]
    ) -> None:
        self._gain, self._lose = gain, lose
        self.trouble: str | None = None
        """what the broker connection suffers from at the moment"""
        self.paused = False
        """whether fetching is stopped"""
        self._bootstrap = bootstrap
        self._fatal: KafkaError | None = None
        self._consumer = Consumer(
            consumer_config(
                bootstrap,
                group,
                # A store has one writer: a new process takes the place of a killed one at once, and one that hangs
                # is shut out.
                **{"group.instance.id": f"{group}-1"},
                **{"enable.partition.eof": True, "queued.max.messages.kbytes": 32 << 10, "error_cb": self._on_error},
            )
        )
        self._consumer.subscribe(
            list(TOPICS), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )

    def receive(self, timeout: float) -> tuple[list[Message], dict[Key, int]]:
        """Messages that came, and the log's end for partitions read to it. Raises KafkaException when it cannot go on.

        Calling it also keeps the membership of the group alive.
        """
        messages: list[Message] = []
        ends: dict[Key, int] = {}
        received = self._consumer.consume(_BATCH, timeout)
        if self._fatal is not None:
            raise KafkaException(self._fatal)
        for message in received:
            error = message.error()
            if error is None:
                self.trouble = None
                messages.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self.trouble = None
                ends[_key(message)] = _offset(message)
            else:
                self._on_error(error)
        return messages, ends

    def pause(self, paused: bool) -> None:
        """Stop fetching, or go on; a paused feed is still a member of its group."""
        if paused != self.paused:
            change = self._consumer.pause if paused else self._consumer.resume
            change(self._consumer.assignment())
            self.paused = paused

    def commit(self, positions: list[TopicPartition]) -> None:
        """Write into the ledger, and wait for it. Raises KafkaException; then it may or may not have been written."""
        for done in self._consumer.commit(offsets=positions, asynchronous=False) or []:
            if done.error is not None:
                raise KafkaException(done.error)

    def lag(self, written: dict[Key, int]) -> dict[str, int]:
        """Messages by topic between what is written of its partitions and the end of their logs, as last heard."""
        lags: Counter[str] = Counter()
        for (topic, partition), offset in written.items():
            with contextlib.suppress(KafkaException):
                _, end = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), cached=True)
                lags[topic] += max(0, end - offset)
        return lags

    def close(self) -> None:
        """Leave."""
        self._consumer.close()

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        ids = _patiently(lambda: self._topic_ids({p.topic for p in partitions}))
        committed = _patiently(lambda: consumer.committed(partitions, timeout=_ASK_SECONDS))
        for one in committed:
            if one.error is not None:
                raise KafkaException(one.error)
            self._gain((one.topic, one.partition), ids[one.topic], position_of(one))
        # Metadata must not stand in an assignment.
        consumer.assign([TopicPartition(one.topic, one.partition, one.offset) for one in committed])
        self.paused = False
        _log.info("partitions assigned", partitions=len(partitions))

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:  # noqa: ARG002 (library's)
        for one in partitions:
            self._lose((one.topic, one.partition))
        _log.info("partitions taken away", partitions=len(partitions))

    def _topic_ids(self, names: set[str]) -> dict[str, str]:
        admin = AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 3})
        futures = admin.describe_topics(TopicCollection(sorted(names)), request_timeout=_ASK_SECONDS)
        return {name: str(future.result().topic_id) for name, future in futures.items()}

    def _on_error(self, error: KafkaError) -> None:
        self.trouble = str(error)
        if error.fatal() or error.code() == KafkaError._FATAL:
            self._fatal = error
        _log.warning("the broker is in trouble", error=str(error))


def _patiently(ask: Callable[[], T]) -> T:
    """The answer of the broker, asked a few times: a coordinator that has just moved refuses at first."""
    for _ in range(_TRIES - 1):
        try:
            return ask()
        except KafkaException as error:
            _log.warning("the broker did not answer, asking again", error=str(error))
    return ask()


def _key(message: Message) -> Key:
    topic, partition = message.topic(), message.partition()
    if topic is None or partition is None:
        raise ValueError("expected a message of a topic partition, got one of none")
    return topic, partition


def _offset(message: Message) -> int:
    offset = message.offset()
    if offset is None:
        raise ValueError("expected a message with an offset, got one without")
    return offset
