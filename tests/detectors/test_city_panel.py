"""The panel of a city comes back as it was, and grows with the city."""

import msgspec
import numpy as np
import pytest

from detectors import city_panel, panel
from detectors.bars import Bar
from detectors.city_panel import CityPanel, PanelError, fitted, from_bytes, to_bytes, tree_of
from detectors.pace import HOUR_MS, Pace
from detectors.panel import Frame
from tests.detectors.market import START

PACE = Pace.of(HOUR_MS)
REGIONS, CODES = ["330602", "330603"], ["0101", "1001"]


def frame(hour: int, units: int = 2, codes: int = 2) -> Frame:
    rng = np.random.default_rng([hour])
    qty = rng.poisson(20.0, (2, 2)).astype(np.float64)
    price = np.exp(rng.normal(0.0, 0.02, (2, 2)))
    full = np.full((2, units, codes), np.nan)
    full[0, :2, :2], full[1, :2, :2] = qty, price
    return Frame(full[0], full[1], np.full((units, codes), np.nan))


def stepped(hours: int) -> CityPanel:
    known = city_panel.new("3306", REGIONS, CODES, PACE)
    for hour in range(hours):
        panel.step(known.panel, frame(hour), START + hour * HOUR_MS)
    known.said = {"price_spike": {"1001": START}}
    return known


def test_the_tree_of_a_city_ends_with_the_city() -> None:
    assert tree_of("3306", REGIONS, CODES).regions == (*REGIONS, "3306")
    assert tree_of("3306", REGIONS, CODES).commodities == (*CODES, "*")
    assert tree_of("3306", REGIONS[:1], CODES[:1]).shape == (2, 1)


def test_a_panel_comes_back_bit_for_bit_and_goes_on_as_if_nothing_had_happened() -> None:
    straight = stepped(200)
    restored = from_bytes(to_bytes(straight), PACE)
    assert to_bytes(restored) == to_bytes(straight)
    for hour in range(200, 260):
        for known in (straight, restored):
            panel.step(known.panel, frame(hour), START + hour * HOUR_MS)
    assert to_bytes(restored) == to_bytes(straight)


def test_a_panel_that_grows_says_the_same_of_what_it_knew() -> None:
    known = stepped(200)
    grown = fitted(known, [*REGIONS, "330604"], [*CODES, "0301"])
    assert grown.said == known.said
    for hour in range(200, 210):
        before = panel.step(known.panel, frame(hour), START + hour * HOUR_MS)
        after = panel.step(grown.panel, frame(hour, 3, 3), START + hour * HOUR_MS)
        for kind, p in before.p.items():
            assert after.p[kind][:2, :2] == pytest.approx(p[:2, :2], rel=1e-6, nan_ok=True), kind
            assert after.p[kind][3, 3] == pytest.approx(p[2, 2], rel=1e-6, nan_ok=True), kind


def test_a_county_that_is_new_does_not_change_who_is_heard_of_the_others() -> None:
    known = stepped(3)
    known.presence.told[:] = np.arange(2 * PACE.slots).reshape(-1, 2)
    grown = fitted(known, [*REGIONS, "330604"], [*CODES, "0301"])
    assert np.array_equal(grown.presence.told[:, :2], known.presence.told)
    assert not grown.presence.told[:, 2].any()


def test_a_panel_of_another_version_is_refused() -> None:
    written = to_bytes(stepped(3))
    length = int.from_bytes(written[:4], "little")
    said = msgspec.msgpack.encode({**msgspec.msgpack.decode(written[4 : 4 + length]), "version": 2})
    with pytest.raises(PanelError, match="expected the arrays of version 3"):
        from_bytes(len(said).to_bytes(4, "little") + said + written[4 + length :], PACE)


def test_a_panel_that_fits_is_left_alone() -> None:
    known = stepped(3)
    assert city_panel.fitted(known, REGIONS, CODES) is known


def test_a_county_without_a_line_has_reported_nothing_and_one_with_some_has_sold_nothing_of_the_rest() -> None:
    lines, price = np.array([[0.0, 0.0], [3.0, 0.0]]), np.full((2, 2), np.nan)
    bar = Bar(START, HOUR_MS, REGIONS, CODES, lines, 500.0 * lines, price, price, price, np.zeros(2))
    qty = city_panel.frame_of(bar).qty
    assert qty is not None
    assert np.isnan(qty[0]).all()
    assert qty[1].tolist() == [1500.0, 0.0]


@pytest.mark.parametrize("bad", [b"", b"\xff" * 40])
def test_other_bytes_are_refused(bad: bytes) -> None:
    with pytest.raises(PanelError, match="expected version 3"):
        from_bytes(bad, PACE)
