"""The scan over subsets of regions: what it finds, and what holds for every detector."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from detectors import scan
from detectors.calibrate import AT_ONCE, ROW
from detectors.pace import DAY_MS, Pace
from detectors.scan import CUTS, Scan
from detectors.sides import Sides
from detectors.state import Floats
from detectors.tree import ALL, Tree

DAILY = Pace.of(DAY_MS)
TREE = Tree.of(["310101", "310102", "310103", "310104", "320101", "320102", "330101"], ["A", "B", "C"])
PARENTS = TREE.regions[TREE.leaves :]
SHAPE = (2, TREE.leaves, TREE.goods)


def sums(seed: int = 1, n: int = 1) -> tuple[list[Floats], Floats]:
    """Poisson sums over windows of two lengths, and their expectation."""
    rng = np.random.default_rng(seed)
    expected = np.stack([np.full(SHAPE[1:], 30.0), np.full(SHAPE[1:], 90.0)])
    return [rng.poisson(expected).astype(np.float64) for _ in range(n)], expected


def run(observed: list[Floats], expected: Floats, state: Scan | None = None, tree: Tree = TREE) -> list[Sides]:
    state = state or new(tree)
    out = []
    for o in observed:
        s = scan.scores(o, expected, 1.0, tree)
        out.append(scan.step(state, s, np.zeros(s.up.shape, np.bool_), DAILY))
    return out


def new(tree: Tree = TREE) -> Scan:
    return Scan.empty(units=len(tree.regions) - tree.leaves, codes=tree.shape[1])


def test_the_best_prefix_is_the_best_of_all_subsets() -> None:
    rng = np.random.default_rng(3)
    for up in (True, False):
        o, e = rng.poisson(20.0, (1, 7, 1)).astype(np.float64), np.full((1, 7, 1), 20.0)
        found = scan.best_subset(o, e, 1.0, np.arange(7), up)
        best = 0.0
        for n in range(1, 8):
            for rows in itertools.combinations(range(7), n):
                x, b = float(o[0, list(rows)].sum()), float(e[0, list(rows)].sum())
                if (x > b) is up and x != b:
                    best = max(best, x * np.log(x / b) + b - x)
        assert found.score == pytest.approx(np.sqrt(2.0 * best))


def test_prefixes_at_cuts_come_close_to_the_best_and_never_pass_it() -> None:
    observed, expected = sums(n=50)
    city = np.arange(4)
    at = PARENTS.index("3101")
    for o in observed:
        for side, up in zip(scan.scores(o, expected, 1.0, TREE), (True, False), strict=True):
            exact = max(scan.best_subset(o[:, :, :1], expected[:, :, :1], 1.0, city, up).score, 0.0)
            assert 0.6 * exact - 0.3 <= side[at, 0] <= exact + 1e-9


def test_a_part_of_a_city_that_buys_twice_as_much_of_two_goods_is_named() -> None:
    (observed,), expected = sums()
    observed[:, 1:3, :2] *= 2.0
    found = scan.best_subset(observed, expected, 1.0, np.array([0, 1, 2, 3, -1]))
    assert found.regions.tolist() == [1, 2]
    assert found.commodities.tolist() == [0, 1]
    assert found.window == 1


def test_a_circle_finds_what_crosses_a_border() -> None:
    (observed,), expected = sums()
    observed[:, 3:5] *= 2.0
    circles = np.array([[i, (i + 1) % 7] for i in range(7)])
    assert scan.best_circle(observed, expected, 1.0, circles, np.array([3, 6])).regions.tolist() == [3, 4]
    assert scan.best_circle(observed, expected, 1.0, circles, np.array([], np.int64)).score == 0.0


def test_a_rush_in_half_of_a_city_is_unusual_there_and_not_elsewhere() -> None:
    observed, expected = sums(n=200)
    observed[-1][:, :2, 0] *= 1.8
    up = run(observed, expected)[-1].up
    assert up[PARENTS.index("3101"), 0] < 1e-4
    assert up[PARENTS.index("3201"), 0] > 1e-2
    assert up[PARENTS.index("3101"), 1] > 1e-2


def test_p_is_right_in_the_tail_on_counts_that_are_as_expected() -> None:
    observed, expected = sums(n=1500)
    p = np.stack([np.stack(s) for s in run(observed, expected)[100:]])
    for x in (0.01, 0.001):
        assert 0.4 < float((p < x).sum()) / (np.isfinite(p).sum() * x) < 2.5


def test_two_small_ps_are_smaller_together_and_one_that_says_nothing_does_no_harm() -> None:
    p = scan.together(np.array([1e-4, 1e-4, 1e-8, np.nan, 0.3]), np.array([1e-4, 1.0, 0.5, 0.2, np.nan]))
    np.testing.assert_allclose(p, [1e-4, 4e-4 / 3.0, 4e-8 / 3.0, 0.2, 0.3], rtol=0.01)
    assert scan.together(np.array([1e-200]), np.array([1.0]))[0] == pytest.approx(4e-200 / 3.0)


def test_what_is_flagged_is_not_learned_from() -> None:
    observed, expected = sums(n=100)
    state, rush = new(), observed[0] * 3.0
    run(observed, expected, state)
    before = {name: a.copy() for name, a in state.arrays().items()}
    s = scan.scores(rush, expected, 1.0, TREE)
    scan.step(state, s, np.ones(s.up.shape, np.bool_), DAILY)
    assert all(np.array_equal(getattr(state, name), before[name]) for name in ("periods", "total", "squares"))
    np.testing.assert_allclose(state.scores, before["scores"], rtol=0.01)


def test_nothing_known_is_not_scored() -> None:
    nothing = np.full(SHAPE, np.nan)
    for observed, expected in ((nothing, nothing), (np.ones(SHAPE), np.zeros(SHAPE)), (nothing, np.ones(SHAPE))):
        assert all(np.isnan(side).all() for side in scan.scores(observed, expected, 1.0, TREE))


def test_one_region_has_no_parent_and_nothing_to_scan() -> None:
    tree = Tree.of(["somewhere"], ["A"])
    s = scan.scores(np.ones((1, 1, 1)), np.ones((1, 1, 1)), 1.0, tree)
    assert s.up.shape == (0, 1)
    assert scan.step(new(tree), s, np.zeros((0, 1), np.bool_), DAILY).up.shape == (0, 1)


def test_the_same_every_period_is_nothing_unusual() -> None:
    _, expected = sums()
    ps = run([expected] * 200, expected)
    assert all(np.nanmin(np.stack(s), initial=1.0) > 0.02 for s in ps)


def test_one_observation_is_no_evidence() -> None:
    observed, expected = sums(n=60)
    ps = np.stack([np.stack(s) for s in run([observed[0] * 5.0, *observed], expected)])
    assert np.isnan(ps[:20]).all()
    assert np.nanmin(ps) > 1e-4


def test_missing_regions_do_no_harm() -> None:
    observed, expected = sums(n=120)
    for i, o in enumerate(observed):
        o[:, i % 7] = np.nan
    p = np.stack([np.stack(s) for s in run(observed, expected)[60:]])
    assert ((p > 0.0) & (p <= 1.0))[np.isfinite(p)].all()


def test_huge_and_negative_sums_do_not_spoil_the_state() -> None:
    observed, expected = sums(n=120)
    state = new()
    ps = run([*observed[:60], observed[0] + 2.0**53, -observed[0], *observed[60:]], expected, state)
    assert all(np.isfinite(a).all() for a in state.arrays().values())
    last = np.stack(ps[-1])
    assert ((last > 1e-3) & (last <= 1.0)).all()


def test_permuted_regions_give_permuted_results() -> None:
    observed, expected = sums(n=100)
    order = np.array([6, 2, 0, 5, 1, 3, 4])
    tree = Tree.of([TREE.regions[i] for i in order], TREE.commodities[: TREE.goods])
    at = [tree.regions[tree.leaves :].index(p) for p in PARENTS]
    mine = run(observed, expected)[-1]
    theirs = run([o[:, order] for o in observed], expected[:, order], tree=tree)[-1]
    np.testing.assert_allclose(theirs.up[at], mine.up, rtol=1e-9)


def test_nothing_looks_ahead() -> None:
    observed, expected = sums(n=100)
    for p, q in zip(run(observed, expected), run(observed[:80], expected), strict=False):
        assert np.array_equal(np.stack(p), np.stack(q), equal_nan=True)


def test_a_state_saved_and_restored_gives_the_same_bit_for_bit() -> None:
    observed, expected = sums(n=100)
    straight, restored = new(), new()
    run(observed[:70], expected, straight)
    for name, array in straight.arrays().items():
        saved: npt.NDArray[np.generic] = np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape).copy()
        setattr(restored, name, saved)
    for p, q in zip(run(observed[70:], expected, straight), run(observed[70:], expected, restored), strict=True):
        assert np.array_equal(np.stack(p), np.stack(q), equal_nan=True)


def test_cuts_begin_where_nothing_is_unusual() -> None:
    assert CUTS[0] == 1.0
    assert (np.diff(CUTS) > 0.0).all()


def test_a_sum_that_was_given_is_not_added_to_its_parts() -> None:
    (observed,), expected = sums()
    tree = Tree.of(TREE.regions[: TREE.leaves], [*TREE.commodities[: TREE.goods], ALL])
    o, e = (np.concatenate([a, a.sum(axis=-1, keepdims=True)], axis=-1) for a in (observed, expected))
    for given, made in zip(scan.scores(o, e, 1.0, tree), scan.scores(observed, expected, 1.0, TREE), strict=True):
        np.testing.assert_allclose(given, made)


def test_an_incident_teaches_the_histogram_once_until_it_has_been_over_for_days() -> None:
    observed, expected = sums(n=200)
    state = new()
    run(observed[:150], expected, state)
    before = state.scores[0, 1].sum()
    run([3.0 * o for o in observed[150:160]], expected, state)
    new_ones = state.scores[0, 1].sum() - before
    assert 0.0 < new_ones <= AT_ONCE * (ROW + 1.0)
