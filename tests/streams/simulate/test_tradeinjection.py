from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streams.simulate.trade import make_trade
from streams.simulate.tradegrid import Grid, TradeError
from streams.simulate.tradeinjection import Design, inject, write_injections
from streams.simulate.tradeplan import Plan
from streams.simulate.tradeshape import SHAPES, multipliers

GRID = make_trade(Plan(days=200, regions=("3306", "3301"), goods=4, events=())).grid


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("periods", [1, 3, 48])
def test_every_shape_reaches_its_size_and_never_passes_it(shape: str, periods: int) -> None:
    assert multipliers(shape, 2.5, periods).max() == pytest.approx(2.5)
    assert multipliers(shape, 2.5, periods).min() >= 1.0


def test_a_shape_that_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match="expected one of step, ramp, lognormal, got 'saw'"):
        multipliers("saw", 2.0, 3)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        multipliers("step", 2.0, 0)


def test_only_what_the_truth_names_differs_from_the_background() -> None:
    for injected, told in inject(GRID, Design(files=4)):
        changed = injected.values["qty"] != GRID.values["qty"]
        for h in told:
            rows = np.array([GRID.regions.index(r) for r in h.regions])
            named = GRID.commodities if h.commodities == ("*",) else h.commodities
            goods = np.array([GRID.commodities.index(c) for c in named])
            at = np.ix_(rows, goods, np.arange(h.first, h.last + 1))
            ratio = injected.values["qty"][at].sum() / GRID.values["qty"][at].sum()
            assert 1.0 < ratio <= h.size + 0.05
            changed[at] = False
        assert not changed.any()
        assert (injected.values["price"] == GRID.values["price"]).sum() > 0


def test_every_combination_comes_before_any_comes_again() -> None:
    design = Design(files=8, per_file=3, peaks=(1.5, 3.0), fractions=(1.0,))
    drawn = [(h.size, h.shape, h.commodities == ("*",)) for _, told in inject(GRID, design) for h in told]
    assert len(set(drawn[:12])) == 12


def test_whole_numbers_stay_whole_and_keep_their_mean() -> None:
    injected = [g.values["qty"] for g, _ in inject(GRID, Design(files=2, peaks=(1.3,)))]
    assert all((v == np.rint(v)).all() for v in injected)


def test_prices_are_injected_where_there_is_nothing_else() -> None:
    prices = Grid(GRID.times, GRID.regions, GRID.commodities, {"price": GRID.values["price"]})
    told = [h for _, happenings in inject(prices, Design(files=3)) for h in happenings]
    assert {h.kind for h in told} == {"price_spike"}
    assert all(len(h.commodities) == 1 and h.group.endswith("!") for h in told)


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_injections(tmp_path / folder, GRID, inject(GRID, Design(files=2)))
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert names == ["inj_000.csv", "inj_001.csv", "input.csv", "truth.csv"]
    assert all((tmp_path / "a" / n).read_bytes() == (tmp_path / "b" / n).read_bytes() for n in names)


def test_what_cannot_be_injected_says_why() -> None:
    with pytest.raises(TradeError, match="measure: expected one of price, qty, stock, got 'area'"):
        inject(GRID, Design(measure="area"))
    short = replace(GRID, times=GRID.times[:5], values={"qty": GRID.values["qty"][..., :5]})
    with pytest.raises(TradeError, match="too short"):
        inject(short, Design())
