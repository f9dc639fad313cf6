"""The order of attention is total, stable, and as documented."""

import random
from itertools import pairwise
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ranking import is_live, necessity, order, rank
from streams.records import LEVELS, Alert, AlertState
from tests.gateway.factory import NINGBO, make_event


@st.composite
def alerts(draw: st.DrawFn) -> Alert:
    base = make_event(counties=NINGBO[: draw(st.integers(0, 3))], region="3302").data
    return msgspec.structs.replace(
        base,
        alert_id=draw(st.text(min_size=1, max_size=3)),
        state=draw(st.sampled_from(get_args(AlertState))),
        level=draw(st.sampled_from(LEVELS)),
        commodity=draw(st.sampled_from(["1001", "0104", "01", "99", "xx"])),
        recurrence_days=draw(st.floats(0, 1e9)),
        updated=draw(st.integers(0, 3)),
    )


@settings(deadline=None)
@given(st.lists(alerts(), unique_by=lambda a: a.alert_id))
def test_the_order_is_total_and_does_not_depend_on_arrival(found: list[Alert]) -> None:
    first = sorted(found, key=order)
    shuffled = found.copy()
    random.shuffle(shuffled)
    assert sorted(shuffled, key=order) == first
    assert all(order(a) < order(b) for a, b in pairwise(first))


@settings(deadline=None)
@given(alerts(), alerts())
def test_live_comes_before_ended_and_level_before_all_else(a: Alert, b: Alert) -> None:
    if is_live(a) != is_live(b):
        assert (order(a) < order(b)) == is_live(a)
    elif a.level != b.level:
        assert (order(a) < order(b)) == (LEVELS.index(a.level) < LEVELS.index(b.level))


USUAL: dict[str, Any] = {"counties": NINGBO[:2], "recurrence_days": 100.0, "updated": 5}


@pytest.mark.parametrize(
    ("urgent", "less"),
    [
        pytest.param({"state": "acknowledged", "level": "IV"}, {"state": "closed", "level": "I"}, id="live first"),
        pytest.param({"level": "II", "counties": NINGBO[:1]}, {"level": "III", "counties": NINGBO}, id="level"),
        pytest.param({"counties": NINGBO, "commodity": "0104"}, {"commodity": "1001"}, id="spread"),
        pytest.param({"commodity": "1001", "recurrence_days": 1.0}, {"commodity": "0104"}, id="necessity"),
        pytest.param({"recurrence_days": 101.0, "updated": 0}, {"recurrence_days": 100.0}, id="rarity"),
        pytest.param({"updated": 6}, {"updated": 5}, id="recency"),
    ],
)
def test_each_step_decides_where_those_before_it_do_not(urgent: dict[str, Any], less: dict[str, Any]) -> None:
    first, second = (make_event(**(USUAL | more)).data for more in (urgent, less))
    assert rank(first) < rank(second)


def test_necessity_follows_the_taxonomy() -> None:
    assert [necessity(code) for code in ("1001", "0103", "0104", "nowhere")] == [0, 1, 2, 2]


def test_all_goods_at_once_are_as_necessary_as_the_most_necessary_one() -> None:
    assert necessity("*") == 0


def test_a_good_below_the_taxonomy_counts_as_the_one_above_it() -> None:
    assert necessity("100177") == necessity("1001")
