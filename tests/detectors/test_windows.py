"""The ring of cells and its windows."""

import numpy as np

from detectors import windows
from detectors.expectation import GUARD
from detectors.kinds import Kinds
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.tree import Tree
from detectors.windows import Windows


def test_windows_follow_the_cadence() -> None:
    assert windows.cells(Pace.of(HOUR_MS)).windows == (12, 24, 48)
    assert windows.cells(Pace.of(HOUR_MS // 12)).windows == (12, 24, 48)
    assert windows.cells(Pace.of(DAY_MS)).windows == (2, 3, 5)
    assert windows.cells(Pace.of(6 * HOUR_MS)).windows == (2, 4, 8)


def test_short_ticks_share_the_cell_of_their_hour_and_a_gap_empties_cells() -> None:
    state, pace = Windows.empty(units=1, codes=1), Pace.of(HOUR_MS // 4)
    one = np.ones((1, 1), np.float32)
    for i in range(8):
        windows.push(state, one, one, one, i * pace.tick_ms, pace)
    assert state.sold[:2].ravel().tolist() == [4.0, 4.0]
    windows.push(state, one, one, one, 50 * HOUR_MS, pace)
    assert state.sold.sum() == 1.0


def test_the_sum_of_a_window_is_judged_against_the_level() -> None:
    state, pace = Windows.empty(units=1, codes=1), Pace.of(DAY_MS)
    state.level[:], state.days[:], state.squares[:] = 100.0, 30.0, 10.0
    one = np.ones((1, 1), np.float32)
    for day in range(5):
        windows.push(state, 200 * one, one, one, day * DAY_MS, pace)
    scores = windows.judge(state, np.ones((1, 1), bool), pace)
    assert scores.observed.ravel().tolist() == [400.0, 600.0, 1000.0]
    assert scores.high.ravel().tolist() == [200.0, 300.0, 500.0]
    assert (scores.up > 2.0).all()


def test_nothing_is_judged_before_some_series_was_watched_for_a_whole_window() -> None:
    state, pace = Windows.empty(units=1, codes=1), Pace.of(DAY_MS)
    state.level[:], state.days[:] = 100.0, 30.0
    one = np.ones((1, 1), np.float32)
    judged = []
    for day in range(8):
        windows.push(state, 100 * one, one, one, day * DAY_MS, pace)
        judged.append((~np.isnan(windows.judge(state, np.ones((1, 1), bool), pace).up)).sum())
    assert judged[0] == 0
    assert judged == sorted(judged)
    assert judged[-1] == 3


def test_a_rush_of_all_series_does_not_teach_how_much_they_vary_while_it_is_judged() -> None:
    noise = np.random.default_rng(1).normal(0.0, 0.1, (60, 8, 1))
    state, pace = Windows.empty(units=8, codes=1), Pace.of(DAY_MS)
    one = np.ones((8, 1), np.float32)
    state.level[:], state.days[:] = 100.0, 30.0
    usual = []
    for day in range(60):
        state.day[0] = day
        rush = 1.6 if day >= 50 else 1.0
        sold = np.asarray(100.0 * rush * np.exp(noise[day]), np.float32)
        windows.push(state, sold, one, one, day * DAY_MS, pace)
        variance = windows.judge(state, np.ones((8, 1), bool), pace).variance[0]
        usual.append(variance.mean() / state.factor[0].mean())
    quiet = usual[49]
    assert max(usual[50 : 50 + GUARD]) < 1.1 * quiet
    assert usual[-1] > 2.0 * quiet


def test_what_lies_inside_of_a_festivals_band_does_not_make_trade_look_steady() -> None:
    inside, plain = Windows.empty(units=1, codes=1), Windows.empty(units=1, codes=1)
    one, pace = np.ones((1, 1), np.float32), Pace.of(DAY_MS)
    for state, high in ((inside, 2.0), (plain, 1.0)):
        state.level[:], state.days[:] = 100.0, 30.0
        for day in range(40):
            windows.push(state, 100 * one, high * one, one / high, day * DAY_MS, pace)
            windows.judge(state, np.ones((1, 1), bool), pace)
    assert inside.squares.sum() == 0.0
    assert (plain.squares[1] > 10.0).all()


def test_what_passes_a_festivals_band_is_a_surge_by_no_more_than_that() -> None:
    one, pace = np.ones((1, 1), np.float32), Pace.of(DAY_MS)
    scores = []
    for high in (1.0, 2.0):
        state = Windows.empty(units=1, codes=1)
        state.level[:], state.days[:], state.squares[:] = 100.0, 30.0, 10.0
        for day in range(5):
            windows.push(state, 300 * one, high * one, one, day * DAY_MS, pace)
        scores.append(windows.judge(state, np.ones((1, 1), bool), pace))
    plain, festive = scores
    assert (festive.up > 1.0).all()
    assert (festive.up < plain.up).all()
    assert (festive.down == plain.down).all()


def test_series_of_which_little_is_known_vary_as_those_of_their_kind_do() -> None:
    tree, pace = Tree.of([f"31{i:02d}" for i in range(1, 31)], ["salt"]), Pace.of(DAY_MS)
    known = []
    for kinds in (Kinds.of(tree), None):
        state = Windows.empty(units=tree.shape[0], codes=1)
        state.level[:], state.days[:] = 100.0, 30.0
        state.squares[:, :, 1:30] = np.array([50.0, 100.0])[:, None, None, None]
        one = np.ones(tree.shape, np.float32)
        windows.push(state, 100.0 * one, one, one, 0, pace)
        windows.judge(state, np.ones(tree.shape, bool), pace, kinds)
        known.append(state.factor[0, :, 0])
    of_kind, alone = known
    assert of_kind[0] < 0.9
    assert alone[0] == of_kind[-1] == 1.0
    assert (of_kind[1:30] < alone[1:30]).all()
