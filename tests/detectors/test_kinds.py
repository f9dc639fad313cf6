"""Which nodes of a tree are of one kind."""

import numpy as np

from detectors.kinds import Kinds
from detectors.tree import Tree


def test_given_regions_cities_provinces_and_the_root_are_kinds_by_goods_and_by_all_goods() -> None:
    tree = Tree.of(["310101", "310102", "3201", "320101"], ["salt", "rice"])
    kinds = Kinds.of(tree)
    assert [tree.regions[i] for i in kinds.rows] == ["310101", "3101", "31", "*"]
    total = kinds.total(np.ones(tree.shape, np.float32))
    assert total[0].tolist() == [8.0, 8.0, 4.0]
    assert total[-1].tolist() == [2.0, 2.0, 1.0]


def test_each_region_of_a_single_chain_is_a_kind_of_its_own() -> None:
    tree = Tree.of(["310101"], ["salt"])
    values = np.arange(3, dtype=np.float32).reshape(tree.shape)
    assert (Kinds.of(tree).total(values) == values).all()
