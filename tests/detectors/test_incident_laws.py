"""What holds of incidents whatever is found: whole histories, one life each, the same from the same findings."""

from collections import defaultdict
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.incident import Finding, Incidents, Rules, finish, step
from detectors.incident_relation import FAMILIES, components, leaves, near, neighbours
from detectors.pace import DAY_MS
from detectors.rulebook import rulebooks
from streams.records import KINDS, LEVELS, Alert
from streams.regions import regions

REGIONS = ("330602", "330603", "3306", "33", "360102", "440103", "440104", "650102", "*", "shop a", "shop b")
MONITORED = frozenset(region for region in REGIONS if region.isdigit() and len(region) == 6)
finding = st.builds(
    lambda region, commodity, kind, rarity, ratio: Finding(
        region, commodity, kind, 1.0 / (rarity * 1e4), rarity, 0, ratio, 1.0, 2, measures={"price_rise_1w": ratio - 1.0}
    ),
    st.sampled_from(REGIONS),
    st.sampled_from(("0101", "01", "0301", "*", "onion")),
    st.sampled_from(("demand_surge", "panic_buying", "price_spike", "stock_out")),
    st.floats(30.0, 36_525.0),
    st.floats(0.0, 9.0),
)
days = st.lists(st.lists(finding, max_size=6), min_size=1, max_size=12)


def run(history: list[list[Finding]]) -> list[Alert]:
    state, rules = Incidents(), Rules(rulebooks(), MONITORED, DAY_MS)
    alerts = []
    for number, found in enumerate(history):
        alerts += step(state, found, (number + 1) * DAY_MS, rules)
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=Incidents)
    return alerts + finish(state, rules)


@settings(max_examples=150, deadline=None)
@given(days)
def test_each_alert_has_one_whole_history_that_ends_at_most_once(history: list[list[Finding]]) -> None:
    of = defaultdict(list)
    for alert in run(history):
        of[alert.alert_id].append(alert)
    for revisions in of.values():
        assert [alert.revision for alert in revisions] == list(range(1, len(revisions) + 1))
        assert {alert.state for alert in revisions[:-1]} <= {"open"}
        assert len({(alert.detected, FAMILIES[alert.kind]) for alert in revisions}) == 1
        peaks = [LEVELS.index(alert.peak_level) for alert in revisions]
        assert peaks == sorted(peaks, reverse=True)
        assert all(a.recurrence_days <= b.recurrence_days for a, b in pairwise(revisions))


@settings(max_examples=100, deadline=None)
@given(days)
def test_merges_and_splits_are_known_on_both_sides(history: list[list[Finding]]) -> None:
    alerts = run(history)
    last = {alert.alert_id: alert for alert in alerts}
    for alert in last.values():
        assert (alert.state == "closed") == bool(alert.merged_into)
        assert alert.merged_into == "" or alert.merged_into != alert.alert_id
        assert set(alert.absorbed) <= set(last)
        assert alert.split_from in {"", *last}


@settings(max_examples=60, deadline=None)
@given(days)
def test_every_finding_is_in_an_alert_of_its_family(history: list[list[Finding]]) -> None:
    alerts = run(history)
    said = {(FAMILIES[a.kind], good) for a in alerts for good in a.commodities or [a.commodity]}
    assert {(FAMILIES[f.kind], f.commodity) for found in history for f in found} <= said


@settings(max_examples=60, deadline=None)
@given(days, st.randoms(use_true_random=False))
def test_the_same_findings_in_another_order_give_the_same_alerts(history: list[list[Finding]], random: object) -> None:
    other = [sorted(found, key=lambda _: random.random()) for found in history]  # type: ignore[attr-defined]
    unique = [{(f.region, f.commodity, f.kind) for f in found} for found in history]
    if all(len(keys) == len(found) for keys, found in zip(unique, history, strict=True)):
        assert run(history) == run(other)


def test_every_kind_has_a_family() -> None:
    assert set(FAMILIES) == set(KINDS)


def test_borders_are_mutual_and_of_all_provinces() -> None:
    provinces = {code for code in regions() if len(code) == 2}
    assert set(neighbours()) == provinces
    assert all(one in neighbours()[other] for one in provinces for other in neighbours()[one])


def test_parts_hang_together_through_what_lies_between() -> None:
    assert components(["33", "44", "33", "36"]) == [[0, 1, 2, 3]]
    assert components(["33", "44", "33", "65"]) == [[0, 2], [1], [3]]
    assert near("46", "44")


def test_a_region_is_not_counted_beside_its_parts() -> None:
    assert leaves(["33", "3306", "330602", "44", "*"]) == ["330602", "44"]
    assert leaves(["*"]) == ["*"]
