"""The evidence of an incident: sums, counts and measures of its readings, and what else would explain them."""

from typing import Any

import pytest

from detectors.evidence import MOST_MEASURED, contributions, evidence_of, measured_of, otherwise
from detectors.incident_state import Finding, Hit
from streams.evidence import Evidence, Point
from streams.records import Kind


def hit(region: str = "330602", commodity: str = "1001", kind: Kind = "demand_surge", **more: Any) -> Hit:
    known = {"p": 1e-9, "recurrence_days": 100.0, "since": 7, "observed": 300.0, "expected": 100.0, "terminals": 2}
    finding = Finding(region=region, commodity=commodity, kind=kind, **{**known, **more})
    return Hit(finding, 10, finding.since, finding.recurrence_days)


def test_counts_are_summed_and_the_rarest_reading_lends_its_series() -> None:
    rare = Evidence(low=80.0, high=120.0, series=[Point(1, 90.0, 100.0)], chains=3)
    hits = [hit(), hit("330603", recurrence_days=900.0, since=3, evidence=rare)]
    found = evidence_of(hits, hits, "demand_surge", 600.0, 200.0)
    assert (found.shops, found.counties, found.chains, found.first_sign) == (4, 2, 3, 3)
    assert (found.observed, found.expected, found.series) == (600.0, 200.0, rare.series)
    # The band is that of one county: the sum of two has another.
    assert (found.low, found.high) == (None, None)
    assert evidence_of(hits[1:], hits[1:], "demand_surge", 300.0, 100.0).low == 80.0


def test_the_rarest_reading_says_which_share_of_those_as_rare_is_expected_to_be_false() -> None:
    hits = [hit(measures={"false_share": 0.4}), hit("330603", recurrence_days=900.0, measures={"false_share": 0.05})]
    assert evidence_of(hits, hits, "demand_surge", 600.0, 200.0).false_share == 0.05
    assert evidence_of(hits[:1], hits[:1], "demand_surge", 300.0, 100.0).false_share == 0.4


def test_commodities_are_ranked_by_what_they_add_beyond_the_usual() -> None:
    parts = contributions([hit(commodity="0101"), hit(commodity="1001", observed=900.0), hit(commodity="*")])
    assert [(part.commodity, part.share, part.ratio) for part in parts] == [("1001", 0.8, 9.0), ("0101", 0.2, 3.0)]
    assert contributions([hit(), hit("330603")]) == []


def test_what_rules_ask_for_follows_from_observed_and_expected_where_no_detector_says_it() -> None:
    (rush,) = measured_of([hit(measures={"price_ratio": 1.0, "stock_out_days": 2.0})], "demand_surge")
    assert rush.measures == {"demand_ratio": 3.0, "stock_out_days": 2.0}
    (price,) = measured_of([hit(kind="price_spike", observed=1.5, expected=1.0)], "price_spike")
    assert price.measures == {"price_rise": 0.5}
    (nothing,) = measured_of([hit(expected=0.0)], "demand_surge")
    assert nothing.measures == {}


def test_of_very_many_readings_the_extremes_are_kept() -> None:
    hits = [hit(f"33{n:04d}", measures={"price_rise_1w": n / 1000}) for n in range(300)]
    found = evidence_of(hits, hits, "price_spike", 1.0, 1.0).measured
    assert len(found) == MOST_MEASURED
    assert {0.0, 0.299} <= {m.measures["price_rise_1w"] for m in found}


@pytest.mark.parametrize(
    ("kind", "measures", "wanted"),
    [
        ("demand_surge", {"festival_lift": 1.0, "demand_ratio": 3.0}, {"festival": False}),
        ("demand_surge", {"festival_lift": 3.5, "demand_ratio": 3.0}, {"festival": True}),
        ("demand_drop", {"festival_lift": 0.4, "demand_ratio": 0.5}, {"festival": True}),
        ("demand_drop", {"festival_lift": 0.8, "demand_ratio": 0.5}, {"festival": False}),
        ("panic_buying", {"price_ratio": 0.8}, {"promotion": True}),
        ("panic_buying", {"price_ratio": 1.1}, {"promotion": False}),
        ("stock_out", {"reporting_share": 0.5}, {"feed_fault": True}),
        ("supply_interruption", {"reporting_share": 1.0}, {"feed_fault": False}),
        ("price_spike", {"price_ratio": 1.4, "festival_lift": 2.0}, {}),
        ("demand_surge", {}, {}),
    ],
)
def test_what_else_would_explain_it(kind: Kind, measures: dict[str, float], wanted: dict[str, bool]) -> None:
    found = otherwise(kind, measures)
    assert {one.cause: one.explains for one in found} == wanted
    assert all(one.why.zh and one.why.en for one in found)
