"""The attack on published tables: held against programmes of its own for every cell, and let loose on random tables."""

from dataclasses import replace

import numpy as np
import pytest

from sinks.attack import attack
from sinks.frame import atoms_of, period, with_atoms
from sinks.suppression import suppress
from sinks.tabulation import tabulate
from sinks.target import ALL
from tests.sinks.confidential import DAY, Shape, cell, sold, some, table, target_of, too_tight

SMALL = Shape(1, 2, 3, 8, 5)
SHAPES = (Shape(2, 2, 3, 10, 6), Shape(1, 2, 4, 6, 5), Shape(3, 2, 2, 20, 8), SMALL)


@pytest.mark.parametrize("seed", [0, 2])
def test_it_finds_what_programmes_over_the_whole_table_find_for_each_cell(seed: int) -> None:
    cells = table(seed, SMALL)
    target = target_of(cells)
    assert {one.cell for one in attack(target)} == {cell for cell, _ in too_tight(target)} != set()
    safe = replace(target, hidden=suppress(cells.frame, target))
    assert attack(safe) == []
    assert too_tight(safe) == set()


def test_it_finds_nothing_in_fifty_random_tables_and_breaks_them_without_secondary_suppression() -> None:
    broken = sensitive = 0
    for seed in range(50):
        cells = table(seed, SHAPES[seed % len(SHAPES)])
        target = target_of(cells)
        if not target.hidden.any():
            continue
        sensitive += 1
        broken += bool(attack(target, first=True))
        assert attack(replace(target, hidden=suppress(cells.frame, target))) == []
    assert sensitive > 40
    assert broken > 0.9 * sensitive


def test_a_sensitive_cell_that_is_published_is_a_finding_with_its_value_as_both_bounds() -> None:
    cells = table(0)
    target = target_of(cells, hidden=np.zeros(len(cells.frame), bool))
    found = attack(target)
    assert len(found) == np.count_nonzero(target.need)
    assert all(one.low == one.high == one.value for one in found)


def test_a_cell_hidden_alone_in_its_row_is_reckoned_by_subtraction() -> None:
    cells = table(0)
    target = target_of(cells)
    alone = np.zeros(len(cells.frame), bool)
    alone[np.flatnonzero(target.hidden)[0]] = True
    found = next(one for one in attack(replace(target, hidden=alone)) if alone[one.cell])
    assert (found.low, found.high) == (found.value, found.value)


@pytest.mark.parametrize(("other", "broken"), [([0, 1, 2], False), ([1], True)])
def test_of_two_cells_hidden_in_a_row_an_enterprise_alone_in_one_knows_the_other(
    other: list[int], broken: bool
) -> None:
    # Counties A and B are hidden, C is not: whoever is alone in A takes it and C off the city.
    holdings = [[0], other, [3, 4, 5]]
    county = [n for n, some in enumerate(holdings) for _ in some]
    who = [one for some in holdings for one in some]
    amounts = [300 // len(some) for some in holdings for _ in some]
    rows = sold(["110101", "110102", "110103"], ["0201"], county, [0] * len(who), who, amounts)
    cells = tabulate(rows, [period(DAY)], [[0]], "county")
    target = target_of(cells)
    hidden = np.zeros(len(cells.frame), bool)
    for region in ("110101", "110102"):
        for code in ("0201", "02", "00"):
            hidden[cell(cells, region, code)] = True
    found = attack(replace(target, hidden=hidden))
    assert bool(found) == broken
    if broken:
        assert {one.attacker for one in found} == {0, 1}
        assert (
            attack(replace(target, hidden=suppress(cells.frame, replace(target, hidden=hidden | target.hidden)))) == []
        )


def test_days_and_the_week_that_they_sum_up_to_give_nothing_away_together() -> None:
    days = [period(f"2026-03-{n:02d}") for n in range(2, 9)]
    periods = with_atoms([*days, period("2026-03-02/2026-03-08")])
    rng = np.random.default_rng(5)
    county, code, when, who = (
        one.ravel() for one in np.meshgrid(range(4), range(3), range(7), range(5), indexing="ij")
    )
    # On one day only one holding sells the first commodity in the first county.
    keep = ((county > 0) | (code > 0) | (when != 3) | (who == 0)) & (rng.random(len(county)) < 0.95)
    number = np.array([periods.index(day) for day in days])
    rows = sold(
        ["110101", "110102", "110103", "110104"],
        ["0201", "0202", "0203"],
        county[keep],
        code[keep],
        who[keep],
        rng.integers(900, 1_100, keep.sum()),
        number[when[keep]],
    )
    cells = tabulate(rows, periods, atoms_of(periods), "county")
    target = replace(target_of(cells), share=ALL)
    assert not np.any(target.sums @ target.value)
    one_day = cells.frame.period == number[3]
    lonely = cell(cells, "110101", "0201", int(number[3]))
    assert target.hidden[lonely]
    # Made safe day by day, the week gives it away unless the week is made safe with the days.
    by_day = suppress(cells.frame.take(one_day), target_of(some(cells, one_day)))
    hidden = np.zeros(len(cells.frame), bool)
    hidden[one_day] = by_day
    assert lonely in {one.cell for one in attack(replace(target, hidden=hidden))}
    safe = suppress(cells.frame, replace(target, hidden=hidden | target.hidden), one_day & ~hidden)
    assert not np.any(safe & one_day & ~hidden)
    assert attack(replace(target, hidden=safe)) == []
