"""A real producer on librdkafka's own cluster of mocks in this process, and what reached it."""

from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from streams.codec import decode
from streams.envelope import CONTENT_TYPE, Envelope
from streams.kafka import consumer_config, producer_config
from streams.topics import RAW
from tests.waiting import until

FAR_FUTURE_MS = 4_000_000_000_000
"""An arrival at which no line of a test lies ahead"""


@dataclass(frozen=True)
class Received:
    """One record: its key, partition, content type and value."""

    key: str
    partition: int
    content_type: str
    value: bytes

    @property
    def envelope(self) -> Envelope:
        """The envelope; a test fails where it, or a line of it, would be refused."""
        decoded = decode(self.value, self.content_type, FAR_FUTURE_MS)
        assert decoded.envelope is not None, decoded.findings
        assert decoded.findings == []
        return decoded.envelope


class Wire:
    """Producer and consumer of one mock cluster."""

    def __init__(self, **settings: object) -> None:
        config = producer_config("unused:1", **{"test.mock.num.brokers": 1, **settings})
        self.producer = Producer(config)
        broker = next(iter(self.producer.list_topics(timeout=10).brokers.values()))
        self.bootstrap = f"{broker.host}:{broker.port}"

    def records(self, count: int, topic: str = RAW) -> list[Message]:
        """The first ``count`` records of a topic, in the order of each partition."""
        self.producer.flush(10)
        consumer = Consumer(consumer_config(self.bootstrap, "unused"))
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
        got: list[Message] = []

        def enough() -> bool:
            got.extend(consumer.consume(count - len(got), timeout=0.2))
            return len(got) >= count

        try:
            until(enough, 20, f"{count} records of {topic}")
        finally:
            consumer.close()
        assert not [m.error() for m in got if m.error()]
        return got

    def received(self, count: int) -> list[Received]:
        """The first ``count`` envelopes of ``pos.raw``."""
        return [read(m) for m in self.records(count)]


def read(message: Message) -> Received:
    """What a test looks at in a record."""
    key, value, partition = message.key(), message.value(), message.partition()
    assert isinstance(key, bytes)
    assert isinstance(value, bytes)
    assert partition is not None
    headers = dict(message.headers() or [])
    content_type = headers[CONTENT_TYPE]
    assert isinstance(content_type, bytes)
    return Received(key.decode(), partition, content_type.decode(), value)
