"""Numbers for pairs and keys: as a dict and as a sort would give them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from agents.normalize.groups import distinct
from agents.normalize.slots import Slots

PAIRS = some.lists(some.tuples(some.integers(0, 3), some.integers(0, 6)), max_size=30)


@given(some.lists(PAIRS, max_size=6))
def test_slots_number_pairs_in_the_order_of_their_first_sight(batches: list[list[tuple[int, int]]]) -> None:
    slots, known = Slots(), dict[tuple[int, int], int]()
    for batch in batches:
        shops, rows = (np.array([pair[i] for pair in batch], np.int64) for i in (0, 1))
        expected = [known.setdefault(pair, len(known)) for pair in batch]
        assert slots.of(shops, rows).tolist() == expected
    assert len(slots) == len(known)
    for shop in range(4):
        mine = [pair for pair in known if pair[0] == shop]
        assert slots.of_shop(shop).tolist() == [known[pair] for pair in mine]
        assert slots.rows(slots.of_shop(shop)).tolist() == [row for _, row in mine]


def test_slots_stay_the_same_while_the_table_grows() -> None:
    rng = np.random.default_rng(3)
    slots = Slots()
    shop, row = rng.integers(0, 500, 60_000), rng.integers(0, 8_000_000, 60_000)
    first = slots.of(shop[:900], row[:900])
    everything = slots.of(shop, row)
    assert everything[:900].tolist() == first.tolist()
    assert slots.of(shop, row).tolist() == everything.tolist()
    assert slots.rows(everything).tolist() == row.tolist()


@pytest.mark.parametrize("space", [60, 10_000, 1 << 40])
def test_distinct_keys_are_those_of_a_sort(space: int) -> None:
    key = np.random.default_rng(4).integers(0, min(space, 50), 200)
    values, inverse = distinct(key, space)
    assert values.tolist() == np.unique(key).tolist()
    assert values[inverse].tolist() == key.tolist()
