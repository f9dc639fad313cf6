"""What is left of a deviation after what the siblings do."""

import numpy as np

from detectors import demand, siblings
from detectors.demand import Demand
from detectors.moment import moment_of
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.siblings import Siblings
from detectors.state import Floats
from detectors.tree import Tree
from detectors.windows import WINDOWS, Scores

DAILY = Pace.of(DAY_MS)
START = 19_000 * DAY_MS - 8 * HOUR_MS
TREE = Tree.of(["310101", "310102", "3201", "3301", "3401", "3501"], ["salt", "rice"])
DAYS = 90


def market(common: float = 0.15) -> Floats:
    """Sold, (DAYS, leaves, goods): counts around 80, on days that are better or worse for all."""
    rng = np.random.default_rng(4)
    day = np.exp(rng.normal(0.0, common, (DAYS, 1, 1)))
    return rng.poisson(80.0 * day, (DAYS, TREE.leaves, TREE.goods)).astype(np.float64)


def run(qty: Floats, tree: Tree | None = TREE, state: Demand | None = None, first: int = 0) -> Floats:
    """p of a surge, (days, regions, commodities)."""
    state = Demand.empty(units=TREE.shape[0], codes=TREE.shape[1]) if state is None else state
    moments = [moment_of(first + i, START + (first + i) * DAY_MS, DAILY) for i in range(len(qty))]
    return np.stack([demand.step(state, TREE.rise(q), m, DAILY, tree).up for q, m in zip(qty, moments, strict=True)])


def scores(seed: int, *lead: int) -> Scores:
    """Of windows in which 100 are usual."""
    shape = (WINDOWS, *lead, *TREE.shape)
    observed = np.random.default_rng(seed).poisson(100.0, shape).astype(np.float32)
    z = np.asarray((observed - 100.0) / 10.0, np.float32)
    usual = np.full(shape, 100.0, np.float32)
    return Scores(z, z, observed, usual, usual, np.full(shape, 0.01, np.float32))


def test_a_common_move_of_all_is_no_surge_of_one() -> None:
    qty = market(0.1)
    qty[-3:] *= 1.5
    leaves = np.s_[-1, : TREE.leaves, : TREE.goods]
    beside, alone = run(qty)[leaves], run(qty, None)[leaves]
    assert (beside > 2.0 * alone).all()
    assert np.median(beside) > 1e-3


def test_a_rush_in_one_city_stands_out_more_beside_its_siblings() -> None:
    qty = market()
    qty[-3:, :2] *= 1.6
    city = TREE.regions.index("3101")
    beside, alone = run(qty)[-1], run(qty, None)[-1]
    assert (beside[city] < 0.7 * alone[city]).all()
    assert (beside[2 : TREE.leaves] > 1e-3).all()


def test_what_moves_with_its_siblings_is_expected_to_and_what_does_not_is_not() -> None:
    together, apart = (Demand.empty(units=TREE.shape[0], codes=TREE.shape[1]) for _ in range(2))
    run(market(0.3), state=together)
    run(market(0.0), state=apart)
    shared, own = (state.common[1, :, 0, 0] / state.common[0, :, 0, 0] for state in (together, apart))
    assert (shared > 0.7).all()
    assert (np.abs(own) < 0.5).all()


def test_no_siblings_leave_the_scores_as_they_are() -> None:
    given = scores(1)
    of = Scores(*(a[:, :2, :1] for a in given))
    state = Siblings.empty(units=2, codes=1)
    assert siblings.beside(state, of, Tree.of(["3101", "310101"], ["salt"]), DAILY) is of
    assert not state.common.any()


def test_one_sibling_that_reports_is_too_few() -> None:
    given = scores(1)
    for array in given:
        array[:, 1:5] = np.nan
    state = Siblings.empty(units=TREE.shape[0], codes=TREE.shape[1])
    found = siblings.beside(state, given, TREE, DAILY)
    leaves = np.s_[:, : TREE.leaves]
    assert np.array_equal(found.up[leaves], given.up[leaves], equal_nan=True)
    assert np.array_equal(found.down[leaves], given.down[leaves], equal_nan=True)


def test_what_was_not_judged_is_not_judged_and_teaches_nothing() -> None:
    given = scores(1)
    for array in given:
        array[:, 3] = np.nan
    state = Siblings.empty(units=TREE.shape[0], codes=TREE.shape[1])
    found = siblings.beside(state, given, TREE, DAILY)
    assert np.isnan(found.up[:, 3]).all()
    assert np.isfinite(np.delete(found.up, 3, axis=1)).all()
    assert not state.common[:, :, 3].any()


def test_one_far_off_sibling_hardly_moves_the_others() -> None:
    states = [Siblings.empty(units=TREE.shape[0], codes=TREE.shape[1]) for _ in range(2)]
    plain, hit = scores(1), scores(1)
    hit.observed[:, 5] *= 1000.0
    one, other = (siblings.beside(state, of, TREE, DAILY).up for state, of in zip(states, (plain, hit), strict=True))
    assert np.abs(one - other)[:, :5].max() < 1.0


def test_leading_axes_are_worlds_of_their_own() -> None:
    many = scores(2, 3)
    state = Siblings.empty(units=TREE.shape[0], codes=TREE.shape[1])
    state.common = np.zeros((4, WINDOWS, 3, *TREE.shape), np.float32)
    for _ in range(3):
        found = siblings.beside(state, many, TREE, DAILY)
    for world in range(3):
        alone = Siblings.empty(units=TREE.shape[0], codes=TREE.shape[1])
        for _ in range(3):
            own = siblings.beside(alone, Scores(*(a[:, world] for a in many)), TREE, DAILY)
        assert np.array_equal(own.up, found.up[:, world])
        assert np.array_equal(own.down, found.down[:, world])


def test_a_state_saved_and_restored_gives_the_same_bit_for_bit() -> None:
    qty = market()
    straight, saved = run(qty), Demand.empty(units=TREE.shape[0], codes=TREE.shape[1])
    run(qty[:60], state=saved)
    of = {k: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape).copy() for k, a in saved.arrays().items()}
    assert np.array_equal(run(qty[60:], state=Demand(**of), first=60), straight[60:], equal_nan=True)
