"""The feed: nothing on the topic stops it, and clients are answered after the backlog."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import feed as feed_module
from gateway.feed import BadEventError, Feed, HubSink, read
from gateway.hub import Hub
from gateway.protocol import Close
from streams import records
from streams.records import AlertEvent
from tests.gateway.factory import make_event
from tests.waiting import until


class ScriptedMessage:
    """What a consumer returns."""

    def __init__(self, offset: int, value: bytes | None = None, error: KafkaError | None = None) -> None:
        self._offset, self._value, self._error = offset, value, error

    def offset(self) -> int:
        return self._offset

    def value(self) -> bytes | None:
        return self._value

    def error(self) -> KafkaError | None:
        return self._error


class ScriptedConsumer:
    """A broker cannot be made to fail on cue; this one plays batches, then silence. An exception is raised."""

    def __init__(self, *script: list[ScriptedMessage] | Exception, end: int | Exception = 0) -> None:
        self.script = list(script)
        self.end = end
        self.first = 0
        self.assigned: list[int] = []
        self.rest: list[ScriptedMessage] = []

    def assign(self, partitions: list[Any]) -> None:
        self.assigned.append(partitions[0].offset)

    def poll(self, _timeout: float) -> ScriptedMessage | None:
        if not self.script:
            time.sleep(0.002)
            return None
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        first, *self.rest = step
        return first

    def consume(self, _count: int, timeout: float) -> list[ScriptedMessage]:
        assert timeout == 0, "this would hold alerts back"
        return self.rest

    def get_watermark_offsets(self, _partition: Any, **_timeout: float) -> tuple[int, int]:
        if isinstance(self.end, Exception):
            raise self.end
        return self.first, self.end

    def close(self) -> None:
        """Nothing to close."""


class CollectingSink:
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[AlertEvent] = []
        self.caught_up_after: int | None = None

    def events(self, batch: list[AlertEvent]) -> None:
        self.got += batch

    def caught_up(self) -> None:
        self.caught_up_after = len(self.got)


class ThreadNotingOutlet:
    """Notes the thread that writes to it."""

    full = False

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def push(self, messages: Sequence[bytes]) -> None:
        assert messages
        self.threads.append(threading.current_thread())

    def later(self, action: Callable[[], None]) -> None:
        raise AssertionError(f"there is nothing left to do, got {action}")

    def evict(self, why: Close) -> None:
        raise AssertionError(f"nobody is slow, got {why}")


class FailingOnceSink(CollectingSink):
    """Fails at the first batch."""

    failed = False

    def events(self, batch: list[AlertEvent]) -> None:
        if not self.failed:
            self.failed = True
            raise RuntimeError("not now")
        super().events(batch)


Start = Callable[[ScriptedConsumer, CollectingSink], Feed]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    running: list[Feed] = []
    monkeypatch.setattr(feed_module, "PAUSE", 0.01)

    def starter(consumer: ScriptedConsumer, sink: CollectingSink) -> Feed:
        monkeypatch.setattr(feed_module, "Consumer", lambda *_args, **_kw: consumer)
        feed = Feed("unused:0", sink)
        running.append(feed)
        feed.start()
        return feed

    yield starter
    for feed in running:
        feed.stop()


def message(offset: int, revision: int) -> ScriptedMessage:
    return ScriptedMessage(offset, records.encode(make_event(revision=revision)))


def test_what_escalate_writes_is_read() -> None:
    assert read(records.encode(make_event())) == make_event()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"", "expected an alert"),
        (b"\xff\x00", "expected an alert"),
        (b"[]", "expected an alert"),
        (records.encode(make_event())[:-9], "expected an alert"),
        (records.encode(make_event(level="V")), "expected an alert"),
        (records.encode(make_event(recurrence_days=float("inf"))), "expected an alert"),
        (records.encode(make_event("")), "expected an alert_id"),
        (records.encode(msgspec.structs.replace(make_event(), type="other")), "expected an event of type"),
    ],
)
def test_a_message_that_is_no_alert_is_refused_with_the_reason(value: bytes, why: str) -> None:
    with pytest.raises(BadEventError, match=why):
        read(value)


@settings(deadline=None)
@given(st.binary())
def test_no_bytes_whatsoever_raise_anything_else(value: bytes) -> None:
    with pytest.raises(BadEventError):
        read(value)


def test_a_bad_message_and_a_tombstone_are_skipped(start: Start) -> None:
    sink = CollectingSink()
    start(ScriptedConsumer([message(0, 1), ScriptedMessage(1, b"{"), ScriptedMessage(2), message(3, 2)], end=4), sink)
    until(lambda: sink.caught_up_after is not None, 5, "the end of the topic")
    assert [e.data.revision for e in sink.got] == [1, 2]


def test_the_backlog_is_handed_over_before_the_feed_is_ready(start: Start) -> None:
    sink = CollectingSink()
    consumer = ScriptedConsumer([message(0, 1)], [message(1, 2)], end=2)
    feed = start(consumer, sink)
    until(lambda: feed.health() is None, 5, "a ready feed")
    assert sink.caught_up_after == 2


def test_a_feed_that_has_not_reached_the_end_says_so(start: Start) -> None:
    feed = start(ScriptedConsumer([message(0, 1)], end=2), sink := CollectingSink())
    until(lambda: sink.got, 5, "the first message")
    assert feed.health() == "the backlog of the topic is being read"


def test_race_a_topic_that_is_being_written_to_all_the_time_still_becomes_ready(start: Start) -> None:
    sink = CollectingSink()
    consumer = ScriptedConsumer(
        [message(0, 1)], [message(1, 2)], *([message(n, n + 1)] for n in range(2, 1_000)), end=2
    )
    feed = start(consumer, sink)
    until(lambda: feed.health() is None, 5, "a ready feed")
    assert sink.caught_up_after is not None
    assert sink.caught_up_after >= 2


def test_race_a_topic_whose_last_messages_were_compacted_away_still_becomes_ready(start: Start) -> None:
    end_of_partition = ScriptedMessage(-1, error=KafkaError(KafkaError._PARTITION_EOF))
    feed = start(ScriptedConsumer([message(0, 1)], [end_of_partition], end=9), CollectingSink())
    until(lambda: feed.health() is None, 5, "a ready feed")


def test_a_topic_whose_messages_have_all_expired_is_read(start: Start) -> None:
    consumer = ScriptedConsumer(end=7)
    consumer.first = 7
    feed = start(consumer, CollectingSink())
    until(lambda: feed.health() is None, 5, "a ready feed")


def test_after_a_failure_reading_goes_on_where_it_was(start: Start) -> None:
    sink = CollectingSink()
    consumer = ScriptedConsumer([message(0, 1)], KafkaException(KafkaError(KafkaError._FAIL)), [message(1, 2)], end=2)
    feed = start(consumer, sink)
    until(lambda: feed.health() is None, 5, "a ready feed")
    assert [e.data.revision for e in sink.got] == [1, 2]
    assert consumer.assigned == [OFFSET_BEGINNING, 1]


def test_race_a_batch_that_the_hub_did_not_take_is_read_again(start: Start) -> None:
    sink = FailingOnceSink()
    consumer = ScriptedConsumer([message(0, 1)], [message(0, 1)])
    start(consumer, sink)
    until(lambda: sink.got, 5, "the batch")
    assert consumer.assigned == [OFFSET_BEGINNING] * 2


def test_a_missing_topic_is_trouble_until_it_is_there(start: Start) -> None:
    missing = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
    consumer = ScriptedConsumer(end=KafkaException(missing))
    feed = start(consumer, CollectingSink())
    until(lambda: "UNKNOWN_TOPIC_OR_PART" in (feed.health() or ""), 5, "the trouble")
    consumer.end = 0
    until(lambda: feed.health() is None, 5, "a ready feed")


def test_a_broker_that_falls_silent_is_noticed_although_the_topic_is_quiet_anyway(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "PROBE", 0.01)
    consumer = ScriptedConsumer()
    feed = start(consumer, CollectingSink())
    until(lambda: feed.health() is None, 5, "a ready feed")
    monkeypatch.setattr(feed_module, "SILENCE", 0.1)
    consumer.end = KafkaException(KafkaError(KafkaError._TIMED_OUT))
    until(lambda: "no answer from the broker" in (feed.health() or ""), 5, "the trouble")
    consumer.end = 0
    until(lambda: feed.health() is None, 5, "the end of the trouble")


def test_a_feed_that_does_not_run_is_not_well() -> None:
    assert Feed("unused:0", CollectingSink()).health() == "the feed does not run"


async def test_the_hub_gets_the_events_in_its_own_thread() -> None:
    hub = Hub()
    sink = HubSink(hub, asyncio.get_running_loop())
    outlet = ThreadNotingOutlet()
    hub.subscribe(None, outlet)
    await asyncio.to_thread(sink.events, [make_event(revision=1), make_event(revision=2)])
    await asyncio.to_thread(sink.caught_up)
    assert hub.offset == 2
    assert hub.ready.is_set()
    assert outlet.threads == [threading.current_thread()] * 2
