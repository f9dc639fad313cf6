"""When a tick is complete."""

from detectors.watermark import watermark

MINUTE = 60_000
IDLE = 30 * MINUTE


def test_the_slowest_source_decides() -> None:
    assert watermark({0: 10 * MINUTE, 1: 5 * MINUTE}, [0, 1], first=0, idle_ms=IDLE) == 5 * MINUTE


def test_a_source_not_heard_of_yet_is_waited_for() -> None:
    assert watermark({0: 29 * MINUTE}, [0, 1], first=0, idle_ms=IDLE) is None


def test_but_not_for_longer_than_the_idle_time_after_the_first_tick() -> None:
    assert watermark({0: 30 * MINUTE}, [0, 1], first=0, idle_ms=IDLE) == 30 * MINUTE


def test_a_source_that_fell_far_behind_holds_nothing_back() -> None:
    said = {0: 100 * MINUTE, 1: 69 * MINUTE, 2: 75 * MINUTE}
    assert watermark(said, [0, 1, 2], first=0, idle_ms=IDLE) == 75 * MINUTE


def test_a_source_that_no_longer_has_terminals_is_not_asked() -> None:
    assert watermark({0: 100 * MINUTE, 1: 80 * MINUTE}, [0], first=0, idle_ms=IDLE) == 100 * MINUTE


def test_nothing_heard_is_nothing_known() -> None:
    assert watermark({0: 0}, [0], first=0, idle_ms=IDLE) is None
    assert watermark({}, [], first=0, idle_ms=IDLE) is None
