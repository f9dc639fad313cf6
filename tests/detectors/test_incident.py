"""Timelines of incidents over a whole input: what is found becomes few alerts that grow, shrink, merge and split."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from detectors.budget import Budget
from detectors.incident import Finding, Incidents, Rules, finish, step
from detectors.incident_rows import rows
from detectors.pace import DAY_MS
from detectors.rulebook import load_rulebook, rulebooks
from streams.records import Alert, Kind

START = 1_300_000_000_000 // DAY_MS * DAY_MS
MONITORED = frozenset(
    {"330602", "330603", "330604", "330624", "330102", "330105", "440103", "440104", "440303", "440304"}
)


def found(region: str, commodity: str = "1001", kind: Kind = "demand_surge", day: int = 0, **more: Any) -> Finding:
    known = {"p": 1e-9, "recurrence_days": 400.0, "observed": 300.0, "expected": 100.0, "terminals": 2}
    return Finding(region=region, commodity=commodity, kind=kind, since=START + day * DAY_MS, **{**known, **more})


@dataclass
class Timeline:
    """The state, and every revision that came of it; a period is a day."""

    rules: Rules = field(default_factory=lambda: Rules(rulebooks(), MONITORED, DAY_MS))
    state: Incidents = field(default_factory=Incidents)
    alerts: list[Alert] = field(default_factory=list)

    def day(self, number: int, *findings: Finding) -> list[Alert]:
        new = step(self.state, findings, START + (number + 1) * DAY_MS, self.rules)
        self.alerts += new
        return new

    def ids(self) -> list[str]:
        return list(dict.fromkeys(alert.alert_id for alert in self.alerts))


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


def test_a_city_and_all_below_it_are_one_alert_of_the_counties(timeline: Timeline) -> None:
    (alert,) = timeline.day(0, found("33"), found("3306"), found("330602"), found("330603"), found("*"))
    assert [county.region for county in alert.counties] == ["330602", "330603"]
    assert (alert.region, alert.level, alert.kind) == ("3306", "III", "demand_surge")
    assert (alert.observed, alert.expected) == (600.0, 200.0)


def test_a_parent_without_a_county_is_one_place(timeline: Timeline) -> None:
    (alert,) = timeline.day(0, found("3306"))
    assert (alert.region, alert.level) == ("3306", "IV")


def test_a_rush_on_one_commodity_is_a_surge_there(timeline: Timeline) -> None:
    (alert,) = timeline.day(0, found("330602", "0101"))
    assert (alert.kind, alert.commodity) == ("demand_surge", "0101")


def test_a_rush_on_all_at_once_is_panic_buying(timeline: Timeline) -> None:
    (alert,) = timeline.day(0, found("330602", "*"), *(found("330602", c) for c in ("0101", "0201", "1001")))
    assert (alert.kind, alert.commodity, alert.commodity_name.en) == ("panic_buying", "*", "all goods")
    assert alert.commodities == ["*", "0101", "0201", "1001"]
    assert alert.evidence is not None
    assert [part.commodity for part in alert.evidence.commodities] == ["0101", "0201", "1001"]


def test_with_its_price_cut_it_is_a_promotion_and_no_panic(timeline: Timeline) -> None:
    (alert,) = timeline.day(0, found("330602", "*", measures={"price_ratio": 0.8}))
    assert alert.kind == "demand_surge"
    assert alert.evidence is not None
    (other,) = [e for e in alert.evidence.otherwise if e.cause == "promotion"]
    assert other.explains


def test_a_surge_that_spreads_over_goods_becomes_panic_under_the_same_id(timeline: Timeline) -> None:
    timeline.day(0, found("330602", "0101"))
    timeline.day(1, found("330602", "0101"), found("330602", "0201"), found("330602", "1001"))
    assert [alert.kind for alert in timeline.alerts] == ["demand_surge", "panic_buying"]
    (row,) = rows(timeline.alerts)
    assert (row.kind, row.commodity, row.commodities) == ("demand_surge", "0101", ("0101", "0201", "1001"))


def test_a_cusum_of_the_stream_stays_panic_buying(timeline: Timeline) -> None:
    (alert,) = timeline.day(0, found("330602", "1001", "panic_buying"))
    assert (alert.kind, alert.commodity) == ("panic_buying", "1001")


def test_kinds_of_other_families_are_alerts_of_their_own(timeline: Timeline) -> None:
    alerts = timeline.day(0, found("330602"), found("330602", kind="price_spike"), found("330602", kind="stock_out"))
    assert {alert.kind for alert in alerts} == {"demand_surge", "price_spike", "stock_out"}


def test_another_commodity_days_later_is_another_price_alert(timeline: Timeline) -> None:
    timeline.day(0, found("330602", "0801", "price_spike"))
    timeline.day(1, found("330602", "0801", "price_spike"))
    timeline.day(2, found("330602", "0801", "price_spike"))
    (other,) = timeline.day(3, found("330602", "0801", "price_spike"), found("330602", "0301", "price_spike", 3))
    assert other.commodity == "0301"
    assert len(timeline.ids()) == 2


def test_a_finding_of_the_group_or_of_all_folds_in(timeline: Timeline) -> None:
    timeline.day(0, found("330602", "0801", "price_spike"))
    timeline.day(3, found("330602", "08", "price_spike"))
    timeline.day(6, found("3306", "*", "price_spike"))
    assert len(timeline.ids()) == 1


def test_days_without_a_finding_end_it(timeline: Timeline) -> None:
    timeline.day(0, found("330602"))
    assert [timeline.day(n) for n in (1, 2)] == [[], []]
    (over,) = timeline.day(3)
    assert (over.state, over.revision) == ("expired", 2)
    assert timeline.state.going == []


def test_far_provinces_are_two_alerts_that_a_finding_between_them_merges(timeline: Timeline) -> None:
    timeline.day(0, found("330602"))
    timeline.day(1, found("330602"), found("440103", day=1))
    assert len(timeline.ids()) == 2
    closed, grown = timeline.day(2, found("330602"), found("360102", day=2), found("440103"))
    older, younger = timeline.ids()
    assert (closed.alert_id, closed.state, closed.merged_into) == (younger, "closed", older)
    assert (grown.alert_id, grown.absorbed) == (older, [younger])
    assert {county.region for county in grown.counties} == {"330602", "360102", "440103"}


def test_large_parts_of_provinces_far_apart_are_one_incident_of_level_i(timeline: Timeline) -> None:
    timeline.day(0, *(found(c) for c in ("330102", "330105")))
    *_, last = timeline.day(1, *(found(c) for c in ("330102", "330105", "440103", "440104")))
    assert (last.level, last.provinces) == ("I", ["33", "44"])
    for number in range(2, 8):
        timeline.day(number, *(found(c) for c in ("330102", "330105", "440103", "440104")))
    assert len([alert for alert in timeline.alerts if alert.split_from]) == 0


def test_parts_that_no_longer_adjoin_split_when_both_last(timeline: Timeline) -> None:
    parts = (found("330602"), found("440303"))
    timeline.day(0, found("360102"), *parts)
    (first,) = timeline.ids()
    for number in (1, 2):
        timeline.day(number, *parts)
    new = [alert for n in (3, 4) for alert in timeline.day(n, *parts)]
    (split,) = [alert for alert in new if alert.split_from]
    assert (split.split_from, split.revision, split.region) == (first, 1, "440303")
    (rest,) = [alert for alert in new if alert.alert_id == first and alert.region == "330602"]
    assert rest.former == ["360102"]


def test_it_shrinks_and_remembers_what_was_hit(timeline: Timeline) -> None:
    timeline.day(0, found("330602"), found("330603"))
    timeline.day(1, found("330602"))
    (alert,) = timeline.day(2, found("330602"))
    assert (alert.level, alert.peak_level, alert.former) == ("IV", "III", ["330603"])


def test_regions_that_are_no_codes_lie_flat_under_one_root() -> None:
    timeline = Timeline(Rules(rulebooks(), frozenset({"north", "south"}), DAY_MS))
    (alert,) = timeline.day(0, found("north", "onion"), found("south", "onion"), found("*", "onion"))
    assert (alert.region, alert.region_name.en, alert.provinces) == ("*", "all regions", [])
    assert (alert.commodity_name.en, alert.level) == ("onion", "IV")
    assert alert.rulings[0].spread["places"] == 2
    (row,) = rows(timeline.alerts)
    assert (row.region, row.regions, row.commodities) == ("*", ("north", "south"), ("onion",))


def test_the_root_alone_is_one_place(timeline: Timeline) -> None:
    (alert,) = timeline.day(0, found("*", "*"))
    (row,) = rows([alert])
    assert (alert.level, row.region, row.regions, row.commodities) == ("IV", "*", ("*",), ("*",))


def test_a_row_keeps_what_was_first_raised_and_grows_in_the_rest(timeline: Timeline) -> None:
    timeline.day(0, found("330602"))
    timeline.day(1, found("330602", recurrence_days=9_000.0), found("330603", day=1))
    (row,) = rows(timeline.alerts)
    first = timeline.alerts[0]
    assert (row.detected, row.onset, row.region) == (START + DAY_MS, START, "330602")
    assert (row.level, row.recurrence_days, row.regions) == ("III", 9_000.0, ("330602", "330603"))
    assert row.score > first.score


def test_a_budget_lets_only_rare_alerts_be_grave() -> None:
    tight = Budget({"I": 0.0, "II": 0.0, "III": 0.01, "IV": 4.0})
    timeline = Timeline(Rules((load_rulebook(),), MONITORED, DAY_MS, tight))
    (alert,) = timeline.day(0, found("330602"), found("330603"))
    assert (alert.level, alert.rulings[0].level) == ("IV", "III")
    (alert,) = timeline.day(1, found("330602", recurrence_days=5_000.0), found("330603"))
    assert alert.level == "III"
    assert timeline.rules.least_days() == pytest.approx(365.25 / 48)
    assert Rules((load_rulebook(),)).least_days() == 30.0
    nothing = Timeline(Rules((load_rulebook(),), MONITORED, DAY_MS, Budget(dict.fromkeys(tight.per_month, 0.0))))
    assert nothing.day(0, found("330602")) == []


def test_the_last_word_tells_of_rarity_that_no_revision_did(timeline: Timeline) -> None:
    timeline.day(0, found("330602"))
    timeline.day(1, found("330602", recurrence_days=900.0))
    assert len(timeline.alerts) == 1
    (last,) = finish(timeline.state, timeline.rules)
    assert (last.recurrence_days, last.revision, last.state) == (900.0, 2, "open")
    assert finish(timeline.state, timeline.rules) == []


DAYS: tuple[list[Finding], ...] = (
    [found("330602"), found("330102", "0101")],
    [found("330602"), found("440103", day=1), found("*", "0301", "price_spike")],
    [found("360102", day=2), found("3301", "*")],
    [],
    [found("440303", kind="stock_out", day=4)],
    [],
    [],
    [],
)


def test_the_order_of_the_findings_does_not_matter() -> None:
    forward, backward = Timeline(), Timeline()
    for number, day in enumerate(DAYS):
        forward.day(number, *day)
        backward.day(number, *reversed(day))
    assert forward.alerts == backward.alerts


def test_a_state_that_was_written_and_read_in_between_gives_the_same() -> None:
    straight, broken = Timeline(), Timeline()
    for number, day in enumerate(DAYS):
        straight.day(number, *day)
        broken.day(number, *day)
        broken.state = msgspec.msgpack.decode(msgspec.msgpack.encode(broken.state), type=Incidents)
    assert straight.alerts == broken.alerts


@pytest.mark.parametrize("cut", range(1, len(DAYS)))
def test_what_was_raised_does_not_depend_on_what_comes_after(cut: int) -> None:
    whole, prefix = Timeline(), Timeline()
    for number, day in enumerate(DAYS):
        whole.day(number, *day)
        if number < cut:
            prefix.day(number, *day)
    raised = [row[:6] for row in rows(whole.alerts) if row.detected <= START + cut * DAY_MS]
    assert [row[:6] for row in rows(prefix.alerts)] == raised
