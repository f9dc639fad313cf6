"""Escalate as a stage: ticks that are not whole, repeats, crashes, keys, and blocks of other versions."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.escalate import EscalateStage, StateError
from agents.signals_message import LAST, to_messages
from agents.stage import Incoming
from detectors.pace import HOUR_MS
from detectors.rulebook import load_rulebook
from streams.records import Signal, encode
from streams.topics import SIGNALS
from tests.agents.timeline import FUZHOU, MONITORED, Timeline, reading, signal


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


def test_a_price_rise_found_on_ticks_and_one_found_on_bars_are_both_applied(timeline: Timeline) -> None:
    timeline.push(60, "3306", reading("330602", 1.2), kind="price_spike")
    hour = signal(0, "3306", reading("330602", 1.2), reading("330603", 1.2), kind="price_spike", ms=HOUR_MS)
    (alert,) = timeline.send(hour)
    assert (alert.revision, [c.region for c in alert.counties]) == (2, ["330602", "330603"])


def test_a_tick_is_looked_at_when_its_last_signal_has_come(timeline: Timeline) -> None:
    goods = ("0101", "0301", "1001")
    messages = to_messages([signal(0, "3306", reading("330602"), code=good) for good in goods])
    assert timeline.take(*messages[:2]) == []
    saved = timeline.stage.dirty()
    timeline.stage.reset()
    for key, block in saved.items():
        timeline.stage.restore(key, block)
    (alert,) = timeline.take(*messages)
    assert (alert.revision, alert.commodities) == (1, list(goods))
    assert timeline.take(*messages) == []


def test_a_tick_whose_last_signal_never_came_is_looked_at_when_the_next_tick_begins(timeline: Timeline) -> None:
    first = to_messages([signal(0, "3306", reading("330602"), code=good) for good in ("0101", "1001")])
    assert timeline.take(first[0]) == []
    (early, both) = timeline.push(5, "3306", reading("330602"), code="1001")
    assert (early.commodities, both.commodities) == ([], ["0101", "1001"])


def test_a_repeated_signal_is_dropped(timeline: Timeline) -> None:
    timeline.push(0, "3306", reading("330602"))
    assert timeline.push(0, "3306", reading("330602"), reading("330603")) == []
    assert timeline.push(-5, "3306", reading("330602"), reading("330603")) == []


def test_a_crash_gives_the_same_revisions_under_the_same_names() -> None:
    straight, broken = Timeline(), Timeline()
    steps = [
        (0, "3306", [reading("330602")]),
        (5, "3306", [reading("330602"), reading("330603")]),
        (10, "3301", [reading("330102"), reading("330105")]),
        (15, "3501", [reading(c) for c in FUZHOU]),
    ]
    for minutes, city, readings in steps:
        straight.push(minutes, city, *readings)
    for minutes, city, readings in steps[:2]:
        broken.push(minutes, city, *readings)
    saved = broken.stage.dirty()
    before = len(broken.sent)
    for minutes, city, readings in steps[2:]:
        broken.push(minutes, city, *readings)
    lost = broken.sent[before:]
    broken.stage.reset()
    for key, block in saved.items():
        broken.stage.restore(key, block)
    # From before the checkpoint on, everything is delivered again.
    for minutes, city, readings in steps[1:]:
        broken.push(minutes, city, *readings)
    assert broken.sent[before:] == lost * 2
    assert broken.sent[: before + len(lost)] == straight.sent


def test_only_changed_families_are_dirty(timeline: Timeline) -> None:
    timeline.push(0, "3306", reading("330602"))
    assert set(timeline.stage.dirty()) == {b"surge"}
    timeline.push(0, "3306", reading("330602"))
    assert timeline.stage.dirty() == {}


def test_a_signal_and_an_alert_without_the_newer_fields_can_be_read() -> None:
    least = {"city": "3306", "code": "1001", "kind": "panic_buying", "tick": 1, "tick_ms": 2, "tests_per_day": 3.0}
    old = {"region": "330602", "p": 0.1, "observed": 1.0, "expected": 2.0, "since": 3, "terminals": 4}
    read = msgspec.json.decode(msgspec.json.encode({**least, "readings": [old]}), type=Signal)
    assert (read.kinds, read.readings[0].measures, read.readings[0].evidence) == (1, {}, None)
    assert msgspec.json.decode(encode(read)) == {**least, "readings": [old]}


@given(st.binary(max_size=100))
def test_no_bytes_stop_the_stream(value: bytes) -> None:
    stage = EscalateStage(lambda: MONITORED, load_rulebook())
    stage.apply(Incoming(SIGNALS, 0, 0, 0, b"surge", value, {}))
    assert stage.drain() == []


@pytest.mark.parametrize("key", [b"1001", b"rise", None])
def test_a_signal_under_another_key_than_its_family_is_refused(timeline: Timeline, key: bytes | None) -> None:
    of = encode(signal(0, "3306", reading("330602")))
    timeline.stage.apply(Incoming(SIGNALS, 0, 0, 0, key, of, {LAST: b"1"}))
    assert (timeline.stage.drain(), timeline.stage.dirty()) == ([], {})


@pytest.mark.parametrize("block", [b"", b"other bytes", msgspec.msgpack.encode({"version": 99})])
def test_a_block_of_other_bytes_is_refused(block: bytes) -> None:
    with pytest.raises(StateError, match="expected"):
        EscalateStage(lambda: MONITORED, load_rulebook()).restore(b"surge", block)


def test_state_by_commodity_is_refused_by_its_version() -> None:
    old = msgspec.msgpack.encode({"version": 2, "marks": {"3306/panic_buying": 1}, "incidents": {"going": []}})
    with pytest.raises(StateError, match="expected version 3, got 2: run the worker that wrote it"):
        EscalateStage(lambda: MONITORED, load_rulebook()).restore(b"1001", old)
