"""Timelines of incidents: push signals at t, want revisions."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.escalate import EscalateStage, StateError
from agents.stage import Incoming, Outgoing
from detectors.pace import HOUR_MS
from detectors.rulebook import load_rulebook
from streams.records import Alert, AlertEvent, Kind, Signal, UnitReading, encode
from streams.topics import ALERTS, SIGNALS

TICK = 300_000
START = 1_300_000_000_000 // HOUR_MS * HOUR_MS
NOW = datetime(2011, 3, 16, 0, 40, 0, 123_456, UTC)
SHAOXING = ("330602", "330603", "330604", "330624")
HANGZHOU = ("330102", "330105", "330106", "330108")
FUZHOU = ("350102", "350103", "350104", "350105")
MONITORED = frozenset({*SHAOXING, *HANGZHOU, *FUZHOU, "330402", "330411", "330421", "330424"})


def reading(region: str, ratio: float = 8.0, p: float = 1e-12, since: int = START) -> UnitReading:
    return UnitReading(region, p, 100.0 * ratio, 100.0, since, 3)


@dataclass
class Timeline:
    """A stage, and every revision that it sent."""

    stage: EscalateStage = field(default_factory=lambda: EscalateStage(lambda: MONITORED, load_rulebook(), lambda: NOW))
    alerts: list[Alert] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)

    def push(
        self, minutes: float, city: str, *readings: UnitReading, kind: Kind = "panic_buying", code: str = "1001"
    ) -> list[Alert]:
        """Send a city's signal of the tick at START + minutes; the revisions that came of it."""
        signal = Signal(city, code, kind, START + int(minutes * 60_000), TICK, 10_000.0, list(readings))
        self.stage.apply(Incoming(SIGNALS, 0, 0, 0, code.encode(), encode(signal), {}))
        out = self.stage.drain()
        new = [msgspec.json.decode(o.value, type=AlertEvent).data for o in out]
        self.sent += out
        self.alerts += new
        return new

    def quiet(self, city: str, start: float, hours: int) -> None:
        """Empty signals, hour by hour, as detect sends them when it is over."""
        for hour in range(hours + 1):
            self.push(start + 60 * hour, city)


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


def test_one_county_is_level_iv(timeline: Timeline) -> None:
    (alert,) = timeline.push(60, "3306", reading("330602"))
    assert (alert.level, alert.state, alert.revision) == ("IV", "open", 1)
    assert (alert.region, alert.provinces, [c.region for c in alert.counties]) == ("330602", ["33"], ["330602"])
    assert alert.commodity_name.zh == "食盐"
    assert (alert.ratio, alert.observed, alert.expected, alert.terminals) == (8.0, 800.0, 100.0, 3)
    assert (alert.onset, alert.detected, alert.updated) == (START, START + 65 * 60_000, START + 65 * 60_000)
    assert alert.clause == "IV.county"
    assert alert.rulebook == load_rulebook().label


def test_an_event_is_a_cloudevent_keyed_by_its_alert(timeline: Timeline) -> None:
    timeline.push(60, "3306", reading("330602"))
    (out,) = timeline.sent
    event = msgspec.json.decode(out.value)
    assert out.topic == ALERTS
    assert out.key.decode() == event["subject"] == event["data"]["alert_id"]
    assert event["id"] == f"{event['subject']}/1"
    assert event["time"] == "2011-03-16T00:40:00.123Z"
    assert event["subject"].startswith("panic-buying-1001-20110313T")


def test_the_level_rises_as_counties_join(timeline: Timeline) -> None:
    timeline.push(0, "3306", reading("330602"))
    timeline.push(5, "3306", reading("330602"), reading("330603"))
    timeline.push(10, "3301", reading("330102"))
    timeline.push(15, "3301", reading("330102"), reading("330105"))
    timeline.push(20, "3501", *map(reading, FUZHOU))
    assert [(a.level, len(a.counties), a.clause) for a in timeline.alerts] == [
        ("IV", 1, "IV.county"),
        ("III", 2, "III.city"),
        ("III", 3, "III.city"),
        ("II", 4, "II.province"),
        ("I", 8, "I.provinces"),
    ]
    assert len({a.alert_id for a in timeline.alerts}) == 1
    assert [a.revision for a in timeline.alerts] == [1, 2, 3, 4, 5]
    assert timeline.alerts[-1].region == "00"
    assert timeline.alerts[-1].provinces == ["33", "35"]


def test_nothing_new_is_no_revision(timeline: Timeline) -> None:
    timeline.push(0, "3306", reading("330602", 8.0))
    assert timeline.push(5, "3306", reading("330602", 9.0)) == []
    (alert,) = timeline.push(10, "3306", reading("330602", 10.0))
    assert (alert.revision, alert.ratio) == (2, 10.0)


def test_what_is_common_or_small_does_not_count(timeline: Timeline) -> None:
    assert timeline.push(0, "3306", reading("330602", p=1e-5)) == []
    assert timeline.push(5, "3306", reading("330602", ratio=1.9)) == []
    assert timeline.push(10, "3306", reading("330602", ratio=1.04), kind="price_spike") == []
    assert len(timeline.push(15, "3306", reading("330602", ratio=1.06), kind="price_spike")) == 1


def test_rarity_is_of_the_whole_monitored_area(timeline: Timeline) -> None:
    (alert,) = timeline.push(0, "3306", reading("330602", p=1e-8))
    # 4 + 1 units of this city make 10,000 tests a day; 16 counties and 4 cities make four times as many.
    assert alert.recurrence_days == pytest.approx(1 / (1e-8 * 10_000 * 20 / 5))


def test_a_county_stays_hit_for_the_hours_of_hysteresis_and_only_then_the_level_falls(timeline: Timeline) -> None:
    timeline.push(0, "3306", reading("330602"), reading("330603"))
    for minutes in range(60, 7 * 60, 60):
        assert timeline.push(minutes, "3306", reading("330602")) == []
    (alert,) = timeline.push(7 * 60, "3306", reading("330602"))
    assert (alert.level, alert.peak_level, [c.region for c in alert.counties]) == ("IV", "III", ["330602"])


def test_a_county_that_comes_back_in_time_changes_nothing(timeline: Timeline) -> None:
    timeline.push(0, "3306", reading("330602"), reading("330603"))
    timeline.push(5 * 60, "3306", reading("330602"))
    timeline.push(5 * 60 + 5, "3306", reading("330602"), reading("330603"))
    timeline.push(10 * 60, "3306", reading("330602"))
    assert len(timeline.alerts) == 1


def test_an_incident_expires_when_nobody_has_been_hit_for_a_day(timeline: Timeline) -> None:
    timeline.push(0, "3306", reading("330602"))
    timeline.quiet("3306", 5, 33)
    (_, over) = timeline.alerts
    assert (over.state, over.revision, over.level) == ("expired", 2, "IV")
    assert [c.region for c in over.counties] == ["330602"]
    assert over.updated - (START + TICK) >= 30 * HOUR_MS
    (again,) = timeline.push(40 * 60, "3306", reading("330602", since=START + 39 * HOUR_MS))
    assert again.alert_id != over.alert_id
    assert again.revision == 1


def test_one_signal_after_a_long_silence_ends_an_incident(timeline: Timeline) -> None:
    timeline.push(0, "3306", reading("330602"))
    (over,) = timeline.push(4 * 24 * 60, "3306")
    assert over.state == "expired"


def test_a_rush_that_returns_within_the_day_is_the_same_incident(timeline: Timeline) -> None:
    timeline.push(0, "3306", reading("330602"), reading("330603"))
    timeline.quiet("3306", 5, 12)
    assert timeline.push(13 * 60, "3306", reading("330602"), reading("330603")) == []
    assert len({a.alert_id for a in timeline.alerts}) == 1


def test_a_city_that_is_behind_keeps_its_counties(timeline: Timeline) -> None:
    timeline.push(0, "3306", reading("330602"))
    timeline.push(20 * 60, "3301", reading("330102"))
    (alert,) = timeline.push(5, "3306", reading("330602"), reading("330603"))
    assert {c.region for c in alert.counties} == {"330602", "330603", "330102"}


def test_an_earlier_beginning_that_is_heard_of_later_moves_onset_and_detection_back(timeline: Timeline) -> None:
    timeline.push(100, "3301", reading("330102", since=START + 95 * 60_000))
    alert = timeline.push(20, "3306", reading("330602", since=START))[-1]
    assert (alert.revision, alert.onset, alert.detected) == (2, START, START + 25 * 60_000)
    assert alert.updated == START + 105 * 60_000


def test_a_county_that_joins_later_does_not_move_the_beginning_however_long_it_smouldered(timeline: Timeline) -> None:
    timeline.push(20, "3306", reading("330602", since=START))
    alert = timeline.push(100, "3301", reading("330102", since=START - 48 * HOUR_MS))[-1]
    assert (alert.onset, alert.detected) == (START, START + 25 * 60_000)


def test_a_city_counts_as_one_place_while_no_county_of_it_can_be_named(timeline: Timeline) -> None:
    (alert,) = timeline.push(0, "3306", reading("3306"), reading("330602", p=1e-5))
    assert (alert.level, alert.region, [c.region for c in alert.counties]) == ("IV", "3306", ["3306"])
    (alert,) = timeline.push(5, "3306", reading("3306"), reading("330602"))
    assert [c.region for c in alert.counties] == ["330602"]
    assert timeline.push(10, "3306", reading("3306")) == []


def test_a_city_is_not_counted_beside_its_counties(timeline: Timeline) -> None:
    (alert,) = timeline.push(0, "3306", reading("3306", ratio=3.0), reading("330602"), reading("330603"))
    assert (alert.observed, alert.level) == (1600.0, "III")


def test_kinds_and_commodities_are_incidents_of_their_own(timeline: Timeline) -> None:
    timeline.push(0, "3306", reading("330602"))
    timeline.push(0, "3306", reading("330602", ratio=1.5), kind="price_spike")
    timeline.push(0, "3306", reading("330602"), code="0101")
    assert len({a.alert_id for a in timeline.alerts}) == 3


def test_prices_are_averaged_and_not_summed(timeline: Timeline) -> None:
    first = UnitReading("330602", 1e-12, 1.2, 1.0, START, 2)
    second = UnitReading("330603", 1e-12, 1.4, 1.0, START, 2)
    (alert,) = timeline.push(0, "3306", first, second, kind="price_spike")
    assert alert.observed == pytest.approx(1.3)
    assert (alert.expected, alert.ratio) == (1.0, 1.3)


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


def test_only_changed_commodities_are_dirty(timeline: Timeline) -> None:
    timeline.push(0, "3306", reading("330602"))
    assert set(timeline.stage.dirty()) == {b"1001"}
    timeline.push(0, "3306", reading("330602"))
    assert timeline.stage.dirty() == {}


@given(st.binary(max_size=100))
def test_no_bytes_stop_the_stream(value: bytes) -> None:
    stage = EscalateStage(lambda: MONITORED, load_rulebook())
    stage.apply(Incoming(SIGNALS, 0, 0, 0, b"1001", value, {}))
    assert stage.drain() == []


def test_a_registry_that_is_not_read_yet_does_not_hide_an_incident() -> None:
    timeline = Timeline(EscalateStage(lambda: frozenset(), load_rulebook(), lambda: NOW))
    (alert,) = timeline.push(0, "3306", reading("330602"))
    assert alert.level == "IV"


@pytest.mark.parametrize("block", [b"", b"other bytes", msgspec.msgpack.encode({"version": 99})])
def test_a_block_of_other_bytes_is_refused(block: bytes) -> None:
    with pytest.raises(StateError, match="expected"):
        EscalateStage(lambda: MONITORED, load_rulebook()).restore(b"1001", block)
