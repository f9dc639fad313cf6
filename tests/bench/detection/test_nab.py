import numpy as np
import pytest

from streams.world import Floats
from tests.bench.detection.nab import File, score, sigmoid, worth

TIMES = np.datetime64("2020-01-01", "s") + np.arange(1000) * np.timedelta64(300, "s")
FILE = File("x.csv", TIMES, np.zeros(1000), ((400, 499),))


def said(*rows: int) -> Floats:
    scores = np.zeros(1000)
    scores[list(rows)] = 1.0
    return scores


def test_saying_nothing_is_0_and_perfection_100() -> None:
    assert score([FILE, FILE], [said(), said()])[0] == 0.0
    assert score([FILE, FILE], [said(400), said(400)])[0] == pytest.approx(100.0)


def test_the_sigmoid_is_that_of_the_benchmark() -> None:
    np.testing.assert_allclose(sigmoid(np.array([-1.0, 0.0, 3.5])), [0.98661, 0.0, -1.0], atol=1e-5)


def test_earlier_in_a_window_earns_more_and_a_second_detection_nothing() -> None:
    early, late = score([FILE], [said(410)])[0], score([FILE], [said(480)])[0]
    assert 100 > early > late > 50
    assert score([FILE], [said(410, 480)])[0] == pytest.approx(early)


def test_a_false_alarm_costs_a_ninth_and_less_right_after_a_window() -> None:
    earns, window = worth(FILE)
    assert earns[300] == pytest.approx(-0.11)
    assert -0.11 < earns[510] < 0
    assert (window[:150] == -2).all()
    assert score([FILE], [said(410, 300)])[0] == pytest.approx(score([FILE], [said(410)])[0] - 100 * 0.11 / 2)


def test_the_time_to_learn_is_not_scored() -> None:
    assert score([FILE], [said(10, 400)])[0] == pytest.approx(100.0)
