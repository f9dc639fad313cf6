"""The way in: a thread that reads the alerts topic from its beginning and hands the revisions over, in order.

The topic has one partition and is compacted, so reading it all gives the state; nothing is committed.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec
import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from gateway import metrics
from gateway.hub import Hub
from streams import kafka, topics
from streams.records import ALERT_TYPE, AlertEvent

log = structlog.get_logger(__name__)

BATCH: Final = 100
POLL: Final = 0.2
PROBE: Final = 3.0
"""Seconds between two questions to the broker: from a quiet topic alone one cannot tell that the broker is dead."""
ANSWER: Final = 1.5
"""Seconds that such a question waits."""
SILENCE: Final = 10.0
"""Seconds without an answer of the broker after which the feed calls itself troubled."""
PAUSE: Final = 2.0
MISSING: Final = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
)


class BadEventError(ValueError):
    """A message of the topic that is no alert; the text says why."""


class Sink(Protocol):
    """Where the revisions go; called from the feed's thread, may block it."""

    def events(self, batch: list[AlertEvent]) -> None:
        """The next revisions, in order."""

    def caught_up(self) -> None:
        """All that stood in the topic at the start has been handed over. Called once, or again where it failed."""


class HubSink:
    """Hands over to a hub in its event loop, and waits, so that a long backlog does not pile up between them."""

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
        self._hub = hub
        self._loop = loop

    def events(self, batch: list[AlertEvent]) -> None:
        """See Sink."""

        self._call(lambda: self._hub.publish(*batch))

    def caught_up(self) -> None:
        """See Sink."""
        self._call(self._hub.ready.set)

    def _call(self, action: Callable[[], object]) -> None:
        async def act() -> None:
            action()

        asyncio.run_coroutine_threadsafe(act(), self._loop).result()


def read(value: bytes) -> AlertEvent:
    """The revision in a message's value. Raises BadEventError."""
    try:
        event = msgspec.json.decode(value, type=AlertEvent)
    except msgspec.DecodeError as error:
        raise BadEventError(f"expected an alert as CloudEvents JSON: {error}") from error
    if event.type != ALERT_TYPE:
        raise BadEventError(f"expected an event of type {ALERT_TYPE!r}, got {event.type[:100]!r}")
    if not event.data.alert_id:
        raise BadEventError("expected an alert_id, got an empty one")
    return event


class Feed:
    """The thread. ``start`` it once, ``stop`` it once; ``health`` can be asked from anywhere at any time."""

    def __init__(self, bootstrap: str, sink: Sink, *, topic: str = topics.ALERTS) -> None:
        self._bootstrap = bootstrap
        self._sink = sink
        self._topic = topic
        self._next = OFFSET_BEGINNING
        self._stopping = threading.Event()
        self._backlog_end: int | None = None
        self._caught_up = False
        self._contact = time.monotonic()
        self._trouble: str | None = None
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the end. The event loop of the sink must still run."""
        self._stopping.set()
        self._thread.join()

    def health(self) -> str | None:
        """What is wrong, or None."""
        if not self._thread.is_alive():
            return "the feed does not run"
        silent = time.monotonic() - self._contact
        if silent > SILENCE:
            return f"no answer from the broker for {silent:.0f} s"
        if self._trouble is not None:
            return self._trouble
        return None if self._caught_up else "the backlog of the topic is being read"

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._read_on()
            except Exception as error:
                self._trouble = f"the topic {self._topic} cannot be read: {_short(error)}"
                log.warning("feed interrupted, trying again", topic=self._topic, error=str(error), pause_s=PAUSE)
                self._stopping.wait(PAUSE)

    def _read_on(self) -> None:
        """Read from where we were until told to stop. Raises KafkaException, or what the sink raises."""
        # The client library would log each of its attempts to reconnect, several a second; the probe says it once.
        more = {"enable.partition.eof": True, "log_level": 2}
        config = kafka.consumer_config(self._bootstrap, "infopump-gateway", **more)
        consumer = Consumer(config, logger=logging.getLogger("gateway.feed.librdkafka"))
        partition = TopicPartition(self._topic, 0, self._next)
        try:
            consumer.assign([partition])
            probed = 0.0
            while not self._stopping.is_set():
                # consume() alone would wait for a full batch, or for the whole of POLL.
                first = consumer.poll(POLL)
                if first is not None:
                    self._apply([first, *consumer.consume(BATCH - 1, 0)])
                if time.monotonic() - probed >= PROBE:
                    probed = time.monotonic()
                    self._probe(consumer)
        finally:
            consumer.close()

    def _probe(self, consumer: Consumer) -> None:
        try:
            first, end = consumer.get_watermark_offsets(TopicPartition(self._topic, 0), timeout=ANSWER)
        except KafkaException as error:
            if error.args[0].code() in MISSING:
                raise
            log.warning("the broker does not answer", error=str(error))
            return
        self._contact = time.monotonic()
        self._trouble = None
        metrics.FEED_CONTACT.set_to_current_time()
        metrics.FEED_LAG.set(max(0, end - max(self._next, 0)))
        if self._backlog_end is None:
            self._backlog_end = end if first < end else 0
        self._maybe_caught_up()

    def _apply(self, messages: Sequence[Message]) -> None:
        batch: list[AlertEvent] = []
        for message in messages:
            error = message.error()
            if error is None:
                event = self._event(message)
                if event is not None:
                    batch.append(event)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._backlog_end = 0
            elif error.fatal() or error.code() in MISSING:
                raise KafkaException(error)
            else:
                log.warning("the consumer reports", error=str(error))
        if batch:
            self._sink.events(batch)
        for message in messages:
            offset = message.offset()
            if message.error() is None and offset is not None:
                self._next = offset + 1
        self._maybe_caught_up()

    def _maybe_caught_up(self) -> None:
        # Two signs, since each may stay away: the end-of-partition event on a topic that is always being written to,
        # the offset of the end where compaction took away the last messages.
        if not self._caught_up and self._backlog_end is not None and max(self._next, 0) >= self._backlog_end:
            self._sink.caught_up()
            self._caught_up = True

    def _event(self, message: Message) -> AlertEvent | None:
        value = message.value()
        if value is None:
            return None
        try:
            return read(value)
        except BadEventError as error:
            metrics.BAD_EVENTS.inc()
            log.error("bad message skipped", topic=self._topic, offset=message.offset(), error=str(error))
            return None


def _short(error: Exception) -> str:
    if isinstance(error, KafkaException) and error.args and isinstance(error.args[0], KafkaError):
        return error.args[0].name()
    return type(error).__name__
