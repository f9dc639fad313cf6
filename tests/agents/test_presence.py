"""From envelopes to verdicts: a line that broke, a shop that is closed and a supply that failed are told apart."""

import numpy as np
import pytest

from detectors.pace import HOUR_MS
from detectors.supply import Verdict
from tests.agents.signs import COUNTIES, DAYS, FIRST, SHOPS, Blocks, City, Signs

HOUR = DAYS * 24 + 10
"""ten in the morning of the day after"""
BEGAN = FIRST + HOUR * HOUR_MS
NORMAL = [Verdict.NORMAL] * 2


def as_usual(county: int, shop: int) -> float:
    return 1.0


def cut_off(county: int, shop: int) -> float | None:
    return None if county == 0 else 1.0


def shut(county: int, shop: int) -> float:
    return 0.0 if county == 0 else 1.0


def starved(county: int, shop: int) -> float:
    return 0.1 if county == 0 else 1.0


def rush_in_three_chains(county: int, shop: int) -> float:
    return 1.0 if county else 6.0 if shop < 3 else 0.0


def one_left(county: int, shop: int) -> float | None:
    return 1.0 if county else None if shop else 0.5


@pytest.fixture(scope="module")
def quiet() -> Blocks:
    city = City()
    city.trade(HOUR, as_usual)
    return city.blocks()


@pytest.fixture(scope="module")
def quiet_before() -> Blocks:
    """The same without presence and chains."""
    city = City(old=True)
    city.trade(HOUR, as_usual)
    return city.blocks()


def of_first(signs: Signs) -> list[Verdict]:
    """Verdicts on the first county, once the bar before is closed; the others are as usual."""
    assert all(said[1:] == NORMAL for said in signs.verdicts)
    return [said[0] for said in signs.verdicts[1:]]


def test_a_county_whose_line_broke_is_a_fault_of_the_feed_and_no_fall_of_its_trade(quiet: Blocks) -> None:
    signs = City(HOUR, quiet).trade(6, cut_off)
    assert set(of_first(signs)) == {Verdict.FEED_FAULT}
    assert [heard[0] for heard in signs.heard[1:]] == [0.0] * len(signs.heard[1:])
    assert not [s for s in signs.signals if s.readings and s.kind in ("demand_drop", "supply_interruption")]


def test_a_county_whose_terminals_live_and_sell_nothing_is_closed(quiet: Blocks) -> None:
    signs = City(HOUR, quiet).trade(6, shut)
    assert set(of_first(signs)) == {Verdict.CLOSED}
    assert signs.heard[-1] == [1.0, 1.0, 1.0]


def test_a_county_whose_terminals_live_and_sell_little_of_anything_is_cut_off_from_supply(quiet: Blocks) -> None:
    signs = City(HOUR, quiet).trade(11, starved)
    assert of_first(signs)[-1] == Verdict.SUPPLY_INTERRUPTION


def test_a_rush_says_how_many_chains_sold_since_its_first_sign_and_that_there_are_as_many_shops(quiet: Blocks) -> None:
    """The fourth has sold nothing since the rush began, but some of what the panel's window goes back to."""
    signs = City(HOUR, quiet).trade(8, rush_in_three_chains)
    told = [(s.kind, r) for s in signs.signals for r in s.readings if r.region == COUNTIES[0]]
    assert {kind for kind, _ in told} >= {"panic_buying", "demand_surge"}
    assert {r.since >= BEGAN for kind, r in told if kind == "panic_buying"} == {True}
    for kind, reading in told:
        assert reading.evidence is not None
        assert reading.evidence.chains == reading.terminals == (3 if reading.since >= BEGAN else SHOPS), kind


def test_as_much_missing_as_terminals_is_a_fault_of_the_feed(quiet: Blocks, quiet_before: Blocks) -> None:
    """Where it is not known who is heard, the same sales are an interruption."""
    signs = City(HOUR, quiet).trade(11, one_left)
    assert of_first(signs)[-1] == Verdict.FEED_FAULT
    assert signs.heard[-1][0] == 1 / SHOPS
    before = City(HOUR, quiet_before, old=True).trade(11, one_left)
    assert of_first(before)[-1] == Verdict.SUPPLY_INTERRUPTION
    assert np.isnan(before.heard[-1]).all()


@pytest.mark.parametrize("disturbed", [{"restart": True}, {"twice": True}])
def test_restarts_and_repeats_change_no_verdict_and_no_signal(quiet: Blocks, disturbed: dict[str, bool]) -> None:
    straight = City(HOUR, quiet).trade(11, starved)
    again = City(HOUR, quiet).trade(11, starved, **disturbed)
    assert again == straight


def test_old_messages_on_new_blocks_are_of_terminals_that_are_not_heard(quiet: Blocks) -> None:
    """Normalize may be set back to the version before: trade as usual stays normal."""
    signs = City(HOUR, quiet, old=True).trade(3, as_usual)
    assert [v for said in signs.verdicts for v in said] == [Verdict.NORMAL] * 3 * len(signs.verdicts)
