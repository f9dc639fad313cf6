"""Timelines of incidents: push signals at t, want revisions."""

import msgspec
import pytest

from agents.escalate import EscalateStage
from agents.signals_message import LAST
from agents.stage import Outgoing
from detectors.pace import HOUR_MS
from detectors.rulebook import load_rulebook, rulebooks
from streams.records import UnitReading, encode
from streams.topics import ALERTS, SIGNALS
from tests.agents.timeline import FUZHOU, MONITORED, NOW, START, TICK, Timeline, reading, signal


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


def test_the_end_is_told_by_those_who_were_hit_and_by_others_only_where_these_are_silent(timeline: Timeline) -> None:
    timeline.push(0, "3306", reading("330602"))
    timeline.push(12 * 60, "3306")
    assert timeline.push(40 * 60, "3501") == []
    (over,) = timeline.push(60 * 60, "3501")
    assert (over.state, over.region) == ("expired", "330602")


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


def test_families_of_kinds_are_incidents_of_their_own(timeline: Timeline) -> None:
    timeline.push(0, "3306", reading("330602"))
    timeline.push(0, "3306", reading("330602", ratio=1.5), kind="price_spike")
    timeline.push(0, "3306", reading("330602", ratio=0.1), kind="demand_drop")
    assert len({a.alert_id for a in timeline.alerts}) == 3
    assert set(timeline.stage.dirty()) == {b"surge", b"rise", b"drop"}


def test_many_goods_of_one_tick_are_one_revision_of_one_alert(timeline: Timeline) -> None:
    goods = ("0101", "0201", "0301", "0801", "1001")
    (alert,) = timeline.send(*(signal(0, "3306", reading("330602"), kind="demand_surge", code=g) for g in goods))
    assert (alert.kind, alert.commodity, alert.commodities) == ("panic_buying", "*", list(goods))
    assert alert.alert_id.startswith("panic-buying-all-")


def test_a_commodity_that_follows_within_hours_joins_the_alert_of_the_first(timeline: Timeline) -> None:
    (first,) = timeline.push(0, "3306", reading("330602"), code="0101")
    (alert,) = timeline.push(60, "3306", reading("330602"), code="1001")
    assert (alert.alert_id, alert.revision, alert.commodities) == (first.alert_id, 2, ["0101", "1001"])


def test_all_goods_together_take_in_their_parts_in_other_counties_of_the_city(timeline: Timeline) -> None:
    (first,) = timeline.push(0, "3306", reading("3306"), kind="demand_surge", code="*")
    assert (first.commodity, first.region, first.kind) == ("*", "3306", "panic_buying")
    alert = timeline.push(24 * 60, "3306", reading("330602"), kind="demand_surge", code="1001")[-1]
    assert alert.alert_id == first.alert_id


def test_prices_are_averaged_and_not_summed(timeline: Timeline) -> None:
    first = UnitReading("330602", 1e-12, 1.2, 1.0, START, 2)
    second = UnitReading("330603", 1e-12, 1.4, 1.0, START, 2)
    (alert,) = timeline.push(0, "3306", first, second, kind="price_spike")
    assert alert.observed == pytest.approx(1.3)
    assert (alert.expected, alert.ratio) == (1.0, 1.3)


def test_what_detectors_measure_reaches_the_rules_and_the_evidence() -> None:
    timeline = Timeline(EscalateStage(lambda: MONITORED, rulebooks(), lambda: NOW))
    spike = msgspec.structs.replace(reading("330602", 1.6), measures={"price_rise_10d": 0.12, "price_ratio": 1.6})
    (alert,) = timeline.push(0, "3306", spike, kind="price_spike", code="0801")
    assert [(said.rulebook.split()[0], said.clause) for said in alert.rulings] == [
        ("national", "IV.county"),
        ("zhejiang-2004", "IV.general"),
    ]
    assert alert.evidence is not None
    assert alert.evidence.measured[0].measures == {"price_rise": pytest.approx(0.6), "price_rise_10d": 0.12}
    assert (alert.evidence.price_ratio, alert.evidence.shops, alert.evidence.counties) == (1.6, 3, 1)


def test_a_rush_found_within_minutes_and_one_found_within_hours_are_one_alert(timeline: Timeline) -> None:
    timeline.push(0, "3306", reading("330602"))
    timeline.push(60, "3306", reading("330602"), kind="demand_surge")
    timeline.push(65, "3306", kind="panic_buying")
    assert {(alert.alert_id, alert.kind) for alert in timeline.alerts} == {
        (timeline.alerts[0].alert_id, "panic_buying")
    }


def test_a_surge_of_many_goods_of_the_city_at_once_is_panic_buying(timeline: Timeline) -> None:
    of = msgspec.structs.replace(signal(0, "3306", reading("330602"), kind="demand_surge"), kinds=3)
    (alert,) = timeline.take(Outgoing(SIGNALS, b"surge", encode(of), headers={LAST: b"1"}))
    assert alert.kind == "panic_buying"


def test_a_registry_that_is_not_read_yet_does_not_hide_an_incident() -> None:
    timeline = Timeline(EscalateStage(lambda: frozenset(), load_rulebook(), lambda: NOW))
    (alert,) = timeline.push(0, "3306", reading("330602"))
    assert alert.level == "IV"
