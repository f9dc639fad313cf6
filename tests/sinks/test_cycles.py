"""Proofs by cycles: what they prove no programme refutes, and what they cannot prove they leave to others."""

from dataclasses import replace

import numpy as np

from sinks.attack import attack
from sinks.cycles import Cycles, doubts_of
from sinks.disclosure import Flags
from sinks.frame import atoms_of, period, with_atoms
from sinks.tabulation import Cells, Contributions, tabulate
from sinks.target import OUTSIDER, Target
from tests.sinks.confidential import DAY, Shape, cell, sold, table, target_of, too_tight

COUNTIES = ["110101", "110102", "110103"]


def square(counties: int, codes: list[str], alone: dict[tuple[int, int], list[int]]) -> Contributions:
    """Six holdings sell 100 each of everything everywhere, but for those places where some do alone."""
    rows = [
        (county, code, holding)
        for county in range(counties)
        for code in range(len(codes))
        for holding in alone.get((county, code), range(6))
    ]
    county, code, holding = zip(*rows, strict=True)
    return sold(COUNTIES[:counties], codes, county, code, holding, [100] * len(rows))


def tabulated(rows: Contributions) -> Cells:
    return tabulate(rows, [period(DAY)], [[0]], "county")


def hiding(cells: Cells, *names: tuple[str, str]) -> Target:
    """The target where these cells are hidden, by region and commodity."""
    hidden = np.zeros(len(cells.frame), bool)
    hidden[[cell(cells, *name) for name in names]] = True
    return target_of(cells, hidden=hidden)


def proven(target: Target, one: int) -> list[int] | None:
    """Against whom nothing proves the cell."""
    doubts = Cycles(target, target.hidden, np.zeros(len(target.value))).proof(one)[1]
    return None if doubts is None else sorted(doubts)


def test_no_programme_over_the_whole_table_refutes_what_a_cycle_proves() -> None:
    found = 0
    for seed in (0, 3):
        cells = table(seed, Shape(1, 2, 3, 8, 5))
        target = target_of(cells)
        more: Flags = np.random.default_rng(seed).random(len(cells.frame)) < 0.7
        target = replace(target, hidden=target.hidden | more)
        every = np.arange(len(cells.frame))
        doubts = doubts_of(target, target.need > 0)
        found += int(np.count_nonzero((target.need > 0) & ~doubts.any()))
        assert all(doubts.against(attacker, every)[one] for one, attacker in too_tight(target))
    assert found > 15


def test_four_cells_in_two_rows_and_two_columns_prove_each_other_and_three_nothing() -> None:
    cells = tabulated(square(3, ["0201", "0202", "0203"], {(0, 0): [0, 1]}))
    corners = [(county, code) for county in COUNTIES[:2] for code in ("0201", "0202")]
    one = cell(cells, *corners[0])
    assert proven(hiding(cells, *corners), one) == []
    assert proven(hiding(cells, *corners[:3]), one) is None


def test_who_knows_a_cell_of_the_only_cycle_is_doubted_until_there_is_another() -> None:
    # Holding 5 is alone in the second row: it takes its own figure off.
    cells = tabulated(square(3, ["0201", "0202", "0203"], {(0, 0): [0, 1], (1, 0): [5]}))
    corners = [(county, code) for county in COUNTIES[:2] for code in ("0201", "0202")]
    one = cell(cells, *corners[0])
    assert proven(hiding(cells, *corners), one) == [5]
    around = [(COUNTIES[2], code) for code in ("0201", "0202")]
    assert proven(hiding(cells, *corners, *around), one) == []


def test_over_the_sums_of_a_county_a_cycle_comes_to_another_group_of_commodities() -> None:
    cells = tabulated(square(2, ["0201", "1001"], {(0, 0): [0, 1]}))
    groups = [(county, code) for county in COUNTIES[:2] for code in ("0201", "02", "1001", "10")]
    for name in groups[:2]:
        assert proven(hiding(cells, *groups), cell(cells, *name)) == []
    # Without the sums of the groups, what falls in one cannot rise in the other.
    assert proven(hiding(cells, *groups[::2]), cell(cells, *groups[0])) is None


def test_a_cycle_that_climbs_in_both_trees_proves_nothing_since_sums_of_both_would_change() -> None:
    places = ["110101", "110201", "110202"]
    rows = square(3, ["0201", "1001"], {(0, 0): [0, 1]})
    cells = tabulated(replace(rows, counties=places))
    there = [(region, code) for region in ("110101", "1101", "110201", "1102") for code in ("0201", "1001")]
    groups = [(region, code) for region in places[:2] for code in ("02", "10")]
    target = hiding(cells, *there, *groups)
    one = cell(cells, *there[0])
    assert proven(target, one) is None
    assert attack(target)


def test_a_cell_that_is_part_of_one_sum_alone_needs_one_other_cell() -> None:
    cells = tabulated(square(3, ["0201"], {(0, 0): [0, 1]}))
    leaves = cells.frame.take(np.array([code == "0201" for code in cells.frame.codes])[cells.frame.code])
    kept = Cells(leaves, {"turnover": cells.measures["turnover"].take(cells.frame.code == cells.frame.code.max())})
    two = [(county, "0201") for county in COUNTIES[:2]]
    assert proven(hiding(kept, *two), cell(kept, *two[0])) == []
    assert proven(hiding(kept, two[0]), cell(kept, *two[0])) is None


def test_a_cell_too_small_to_move_as_far_carries_no_cycle() -> None:
    rows = square(2, ["0201", "0202"], {(0, 0): [0, 1]})
    small = (rows.county == 1) & (rows.code == 1)
    rows.values["turnover"][small] = 1
    cells = tabulated(rows)
    corners = [(county, code) for county in COUNTIES[:2] for code in ("0201", "0202")]
    target = hiding(cells, *corners)
    one = cell(cells, *corners[0])
    assert target.need[one] > target.value[cell(cells, *corners[3])]
    assert proven(target, one) is None


def test_of_days_and_their_week_nothing_is_proven_since_a_day_moves_its_week() -> None:
    periods = with_atoms([period("2026-03-02"), period("2026-03-02/2026-03-03")])
    rows = square(2, ["0201", "0202"], {(0, 0): [0, 1]})
    when = np.full(len(rows.county), [one.name for one in periods].index("2026-03-02"), np.int32)
    cells = tabulate(replace(rows, period=when), periods, atoms_of(periods), "county")
    target = target_of(cells)
    target = replace(target, hidden=np.ones(len(cells.frame), bool))
    assert target.need.any()
    doubts = doubts_of(target, target.need > 0)
    assert doubts.of_all[target.need > 0].all()
    assert doubts.against(OUTSIDER, np.flatnonzero(target.need)).all()
