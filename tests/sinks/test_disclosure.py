"""Which cells are sensitive, what tables are made of, and what is hidden besides."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from sinks.attack import attack
from sinks.disclosure import DisclosureError, Measure, Rule, is_sensitive, protection, protection_from_owner
from sinks.frame import period, with_atoms
from sinks.suppression import suppress
from sinks.tabulation import tabulate
from tests.sinks.confidential import DAY, cell, contributions, sold, table, target_of


def cells(*contributors: list[int]) -> Measure:
    """A cell for each list of contributions."""
    ranked = [[*sorted(one, reverse=True), 0, 0] for one in contributors]
    count = np.array([sum(x > 0 for x in one) for one in ranked], np.int32)
    first, second = (np.array([one[n] for one in ranked], np.int64) for n in (0, 1))
    return Measure(np.array([sum(one) for one in ranked], np.int64), first, second, count, np.where(count > 0, 0, -1))


def test_the_textbook_vector_is_safe_at_ten_percent_and_not_at_twenty() -> None:
    one = cells([52_000, 50_000, 8_000])
    assert not is_sensitive(one, Rule(p=10)).any()
    assert is_sensitive(one, Rule(p=20)).all()


@pytest.mark.parametrize(
    ("contributors", "sensitive"),
    [([], False), ([5], True), ([5, 5], True), ([5, 5, 5], False), ([100, 5, 5], True), ([50, 40, 5], False)],
)
def test_few_contributors_and_a_dominated_cell_are_sensitive(contributors: list[int], sensitive: bool) -> None:
    assert is_sensitive(cells(contributors), Rule()).tolist() == [sensitive]


def test_the_second_largest_cannot_come_within_p_percent_of_the_largest_by_the_upper_bound() -> None:
    one = cells([1_000, 400, 30])
    high = int((one.total + protection(one, Rule(p=10)))[0])
    assert high - 400 == 1_100


def test_a_cell_of_few_is_protected_by_the_margin_too_and_never_by_more_than_it_holds() -> None:
    one = cells([1_000], [600, 400], [3], [])
    assert protection(one, Rule(p=10, margin=15)).tolist() == [150, 150, 1, 0]
    assert protection(cells([7]), Rule(p=100, margin=100)).tolist() == [7]


def test_who_is_the_largest_of_a_cell_is_kept_from_the_second() -> None:
    assert protection_from_owner(cells([1_000, 400], [1_000], [1_000, 400, 50]), Rule(p=10)).tolist() == [60, 0, 0]


@pytest.mark.parametrize("wrong", [{"minimum": 1}, {"p": 0}, {"p": 101}, {"margin": -1}])
def test_a_rule_that_protects_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(DisclosureError, match="expected at least 2 contributors"):
        Rule(**wrong)  # type: ignore[arg-type]


def test_cells_sum_what_holdings_sold_at_every_level_of_both_trees() -> None:
    # Two shops of holding 7 in one city are one contributor of the city.
    rows = sold(["110101", "110102"], ["0101", "0201"], [0, 1, 1, 1], [0, 0, 0, 1], [7, 7, 8, 9], [10, 20, 5, 100])
    found = tabulate(rows, [period(DAY)], [[0]], "county")
    one = found.measures["turnover"]
    at = {(region, code): cell(found, region, code) for region in ("110101", "1101", "00") for code in ("0101", "00")}
    assert one.total[at["1101", "0101"]] == 35
    assert (one.largest[at["1101", "0101"]], one.second[at["1101", "0101"]]) == (30, 5)
    assert (one.contributors[at["1101", "0101"]], one.owner[at["1101", "0101"]]) == (2, 7)
    assert (one.total[at["00", "00"]], one.contributors[at["00", "00"]], one.owner[at["00", "00"]]) == (135, 3, 9)
    assert not np.any(found.frame.equations @ one.total)


@pytest.mark.parametrize("seed", range(5))
def test_every_sum_adds_up_and_the_largest_two_are_those_that_were_sold(seed: int) -> None:
    rows = contributions(np.random.default_rng(seed))
    found = tabulate(rows, [period(DAY)], [[0]], "county")
    one = found.measures["turnover"]
    assert not np.any(found.frame.equations @ one.total)
    root = cell(found, "00", "00")
    by_holding = np.sort(np.bincount(rows.holding, rows.values["turnover"]))[::-1]
    assert (one.largest[root], one.second[root]) == tuple(by_holding[:2])
    assert one.total[root] == by_holding.sum()
    assert one.contributors[root] == np.count_nonzero(by_holding)


def test_what_was_coded_as_a_commodity_with_others_below_it_is_a_part_of_its_own() -> None:
    rows = sold(["110101"], ["0101", "010101"], [0, 0], [0, 1], [1, 2], [10, 20])
    found = tabulate(rows, [period(DAY)], [[0]], "nation")
    totals = {
        found.frame.codes[c]: int(v) for c, v in zip(found.frame.code, found.measures["turnover"].total, strict=True)
    }
    assert totals == {"00": 30, "01": 30, "0101": 30, "010100": 10, "010101": 20}


def test_what_a_holding_took_back_beyond_its_sales_counts_as_nothing() -> None:
    rows = sold(["110101"], ["0101"], [0, 0, 0], [0, 0, 0], [1, 1, 2], [10, -15, 7])
    one = tabulate(rows, [period(DAY)], [[0]], "county").measures["turnover"]
    assert set(one.total.tolist()) == {7}
    assert set(one.contributors.tolist()) == {1}


def test_periods_are_sums_of_days_that_some_table_shows_and_of_the_rest() -> None:
    week, day = period("2026-03-02/2026-03-08"), period("2026-03-04")
    rest = with_atoms([week, day])[-1]
    assert rest.name.startswith("~2026-03-02+2026-03-03+2026-03-05")
    assert rest.days == week.days - {date(2026, 3, 4)}
    assert period(rest.name) == rest


@pytest.mark.parametrize("wrong", ["", "yesterday", "2026-03-08/2026-03-02", "2026-01-01/2026-01-02/2026-01-03"])
def test_a_period_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(DisclosureError):
        period(wrong)


def test_a_second_figure_in_the_row_and_in_the_column_is_hidden_with_a_sensitive_one() -> None:
    # Three counties by three commodities, six equal holdings in each cell but one.
    county, code, holding = (one.ravel() for one in np.meshgrid(range(3), range(3), range(6), indexing="ij"))
    keep = (county > 0) | (code > 0) | (holding == 0)
    rows = sold(
        ["110101", "110102", "110103"],
        ["0201", "0202", "0203"],
        county[keep],
        code[keep],
        holding[keep],
        np.full(keep.sum(), 100),
    )
    found = tabulate(rows, [period(DAY)], [[0]], "county")
    target = target_of(found)
    assert np.flatnonzero(target.hidden).tolist() == [cell(found, "110101", "0201")]
    hidden = suppress(found.frame, target)
    where = {
        (found.frame.regions[found.frame.region[c]], found.frame.codes[found.frame.code[c]])
        for c in np.flatnonzero(hidden)
    }
    assert len(where) == 4
    assert len({region for region, _ in where}) == 2
    assert attack(replace(target, hidden=hidden)) == []


def test_what_was_published_before_stays_and_what_cannot_be_saved_is_said() -> None:
    found = table(3)
    target = target_of(found)
    with pytest.raises(DisclosureError, match="cannot be protected, the first in region"):
        suppress(found.frame, target, ~target.hidden)
