"""From verdicts on nodes to findings: which nodes speak, and with what evidence."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pytest

from detectors import panel
from detectors.incident import Finding
from detectors.pace import DAY_MS, Pace
from detectors.panel import Frame, Panel, Verdicts
from detectors.panel_findings import MOST, findings
from detectors.state import Floats
from detectors.supply import Reason, Verdict
from detectors.tree import ALL, Tree
from streams.evidence import Evidence
from streams.records import Kind
from tests.detectors.market import START

DAILY: Final = Pace.of(DAY_MS)
TREE: Final = Tree.of(["330602", "330603", "330702"], ["salt", "rice"])
NEW: Final = Panel.new(TREE, DAILY)
RARE: Final = 400.0


def told(
    kind: Kind, rare: dict[tuple[str, str], float], verdicts: npt.NDArray[np.int8] | None = None, tree: Tree = TREE
) -> Verdicts:
    """Verdicts of one kind: these nodes have that p and are rare, all others are plain."""
    p, days = np.full(tree.shape, 0.5), np.full(tree.shape, 0.1)
    for (region, commodity), value in rare.items():
        at = tree.regions.index(region), tree.commodities.index(commodity)
        p[at], days[at] = value, RARE
    return Verdicts({kind: p}, {kind: days}, verdicts)


def nodes(found: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.region, finding.commodity) for finding in found]


def test_a_node_that_is_rare_enough_speaks_under_its_name_and_no_other_does() -> None:
    said = told("price_spike", {("330603", "rice"): 1e-6})
    (found,) = findings(NEW, said, START, 30.0)
    assert (found.region, found.commodity, found.kind) == ("330603", "rice", "price_spike")
    assert (found.p, found.recurrence_days, found.since) == (1e-6, RARE, START)
    assert findings(NEW, said, START, RARE + 1.0) == []


def test_parents_and_all_commodities_together_speak_like_given_series() -> None:
    rare = {("3306", "salt"): 1e-4, (ALL, ALL): 1e-6, ("330702", ALL): 1e-5}
    assert nodes(findings(NEW, told("demand_surge", rare), START, 30.0)) == [
        (ALL, ALL),
        ("330702", ALL),
        ("3306", "salt"),
    ]


def test_what_was_not_judged_says_nothing() -> None:
    nothing = np.full(TREE.shape, np.nan)
    assert findings(NEW, Verdicts({"glut": nothing}, {"glut": nothing}), START, 0.0) == []


def test_of_too_many_the_rarest_speak() -> None:
    tree = Tree.of([f"shop {i}" for i in range(20)], [f"good {i}" for i in range(15)])
    p: Floats = np.random.default_rng(1).permutation(np.prod(tree.shape)).reshape(tree.shape) / 1e6
    found = findings(
        Panel.new(tree, DAILY), Verdicts({"stock_out": p}, {"stock_out": np.full(p.shape, RARE)}), START, 30.0
    )
    assert [finding.p for finding in found] == sorted(p.ravel().tolist())[:MOST]


def test_commodities_of_a_kind_are_counted_once_each_and_all_together_is_none() -> None:
    rare = {("330602", "salt"): 1e-6, ("330603", "salt"): 1e-6, ("330602", "rice"): 1e-6, ("330602", ALL): 1e-6}
    assert {finding.kinds for finding in findings(NEW, told("demand_surge", rare), START, 30.0)} == {2}
    (alone,) = findings(NEW, told("demand_surge", {("330602", ALL): 1e-6}), START, 30.0)
    assert alone.kinds == 1


@pytest.mark.parametrize("verdict", [Verdict.CLOSED, Verdict.FEED_FAULT, Verdict.SUPPLY_INTERRUPTION])
@pytest.mark.parametrize("kind", ["demand_drop", "stock_out"])
def test_what_a_verdict_on_the_region_explains_is_no_finding(verdict: Verdict, kind: Kind) -> None:
    verdicts = np.array([verdict, Verdict.NORMAL, Verdict.NORMAL], np.int8)
    rare = {("330602", "salt"): 1e-6, ("330602", ALL): 1e-6, ("330603", "salt"): 1e-6, ("3306", "salt"): 1e-6}
    assert set(nodes(findings(NEW, told(kind, rare, verdicts), START, 30.0))) == {("330603", "salt"), ("3306", "salt")}


@pytest.mark.parametrize("kind", ["demand_surge", "price_spike", "price_drop", "glut", "supply_interruption"])
def test_a_verdict_explains_no_other_kind(kind: Kind) -> None:
    verdicts = np.full(TREE.leaves, Verdict.SUPPLY_INTERRUPTION, np.int8)
    said = told(kind, {("330602", "salt"): 1e-6}, verdicts)
    assert nodes(findings(NEW, said, START, 30.0)) == [("330602", "salt")]


@pytest.mark.parametrize(
    ("reason", "says"), [(Reason.CAUGHT_UP, False), (Reason.CLOCK, False), (Reason.PART_UNHEARD, True)]
)
def test_a_rush_is_explained_by_what_a_feed_held_back_and_not_by_what_it_lacks(reason: Reason, says: bool) -> None:
    verdicts = np.array([Verdict.FEED_FAULT, Verdict.NORMAL, Verdict.NORMAL], np.int8)
    said = told("demand_surge", {("330602", "salt"): 1e-6}, verdicts)
    said = said._replace(reasons=np.array([reason, Reason.NONE, Reason.NONE], np.int8))
    assert bool(findings(NEW, said, START, 30.0)) is says


def test_findings_are_the_same_each_time_and_change_nothing() -> None:
    verdicts = np.array([Verdict.CLOSED, Verdict.NORMAL, Verdict.NORMAL], np.int8)
    said = told("demand_drop", {("330602", "salt"): 1e-6, ("330603", "salt"): 1e-6}, verdicts)
    before = said.recurrence["demand_drop"].copy()
    assert findings(NEW, said, START, 30.0) == findings(NEW, said, START, 30.0)
    np.testing.assert_array_equal(said.recurrence["demand_drop"], before)


def test_a_rush_is_shown_with_what_was_sold_what_is_usual_and_when_it_began() -> None:
    state, rng = Panel.new(TREE, DAILY), np.random.default_rng(3)
    for day in range(43):
        qty = rng.poisson(50.0, (TREE.leaves, TREE.goods)).astype(np.float64)
        if day == 42:
            qty[1, 1] = 400.0
        said = panel.step(state, Frame(qty=qty), START + day * DAY_MS)
    found = findings(state, said, START + 42 * DAY_MS, 30.0)
    rush = next(f for f in found if (f.region, f.commodity, f.kind) == ("330603", "rice", "demand_surge"))
    assert rush.observed >= 400.0
    assert 35.0 < rush.expected < 0.6 * rush.observed
    assert START + 37 * DAY_MS < rush.since <= START + 42 * DAY_MS


def test_a_find_says_which_share_of_those_as_rare_is_expected_to_be_false() -> None:
    state = Panel.new(TREE, DAILY)
    state.discovery.days[:] = 60.0
    said = told("price_spike", {("330603", "rice"): 1e-6})
    (alone,) = findings(state, said, START, 30.0)
    assert alone.measures["false_share"] == pytest.approx(60.0 / 256.0, abs=1e-3)
    state.discovery.found[:9] = 6.0
    (among,) = findings(state, said, START, 30.0)
    assert among.measures["false_share"] == pytest.approx(10.0 / 256.0, abs=1e-3)


def test_a_fall_says_how_many_of_those_that_usually_report_do() -> None:
    state, rng = Panel.new(TREE, DAILY), np.random.default_rng(3)
    for day in range(43):
        qty = rng.poisson(50.0, (TREE.leaves, TREE.goods)).astype(np.float64)
        if day == 42:
            qty[0] = np.nan
            qty[1, 1] = 0.0
        said = panel.step(state, Frame(qty=qty), START + day * DAY_MS)
    for region, share in (("330603", 1.0), ("3306", 0.5)):
        found = findings(state, told("demand_drop", {(region, "rice"): 1e-6}), START + 42 * DAY_MS, 30.0)
        assert next(f for f in found if f.region == region).measures["reporting_share"] == pytest.approx(share)
    assert said.verdicts is not None
    assert said.verdicts[0] == Verdict.FEED_FAULT


def test_a_price_says_what_it_was_in_the_same_month_of_the_year_before() -> None:
    state = Panel.new(TREE, DAILY)
    for day in range(420):
        price = np.full((TREE.leaves, TREE.goods), 10.0 if day < 390 else 13.0)
        panel.step(state, Frame(price=price), START + day * DAY_MS)
    (found,) = findings(state, told("price_spike", {("330603", "rice"): 1e-6}), START + 419 * DAY_MS, 30.0)
    assert found.measures["price_rise_year"] == pytest.approx(0.3, abs=1e-3)


@pytest.mark.parametrize(("kind", "step"), [("price_spike", 0.01), ("price_drop", -0.01)])
def test_a_price_says_for_how_many_days_in_a_row_it_rose_or_fell(kind: Kind, step: float) -> None:
    state = Panel.new(TREE, DAILY)
    for day in range(40):
        price = np.full((TREE.leaves, TREE.goods), 10.0)
        price[1, 1] *= np.exp(step * max(0, day - 34))
        panel.step(state, Frame(price=price), START + day * DAY_MS)
    rare = {("330603", "rice"): 1e-6, ("330602", "rice"): 1e-6, ("3306", "rice"): 1e-6}
    found = {f.region: f.evidence for f in findings(state, told(kind, rare), START + 39 * DAY_MS, 30.0)}
    assert found == {"330603": Evidence(run=5), "330602": Evidence(run=0), "3306": None}
