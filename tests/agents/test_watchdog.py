"""The watchdog's decision: only standing still with work left is a stall."""

from agents.watchdog import Stall


def test_a_partition_that_moves_or_has_no_work_is_not_stalled() -> None:
    stall = Stall(10.0)
    assert stall.check(0.0, {0: 5, 1: 7}, {0: 9, 1: 7}) == []
    assert stall.check(11.0, {0: 6, 1: 7}, {0: 9, 1: 7}) == []
    assert stall.check(22.0, {0: 7, 1: 7}, {0: 9, 1: 7}) == []


def test_a_partition_that_stands_still_with_work_left_is_stalled_after_the_limit() -> None:
    stall = Stall(10.0)
    stall.check(0.0, {0: 5}, {0: 9})
    stall.check(1.0, {0: 5}, {0: 9})
    assert stall.check(10.9, {0: 5}, {0: 9}) == []
    assert stall.check(11.1, {0: 5}, {0: 9}) == [0]


def test_an_end_that_is_not_known_is_not_judged() -> None:
    stall = Stall(1.0)
    for now in range(10):
        assert stall.check(float(now), {0: 5}, {}) == []


def test_a_partition_that_went_away_and_came_back_starts_anew() -> None:
    stall = Stall(10.0)
    stall.check(0.0, {0: 5}, {0: 9})
    stall.check(1.0, {0: 5}, {0: 9})
    stall.check(5.0, {}, {})
    assert stall.check(20.0, {0: 5}, {0: 9}) == []
    stall.check(21.0, {0: 5}, {0: 9})
    assert stall.check(40.0, {0: 5}, {0: 9}) == [0]
