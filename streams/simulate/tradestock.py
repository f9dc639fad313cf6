"""Stock of a shop: sales take from it, lorries fill it in the morning, and what is not there is not sold."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.simulate.tradeplan import Plan
from streams.world import Bools, Floats

_REORDER_DAYS: Final = 3.0
_FULL_DAYS: Final = 7.0
_ARRIVES: Final = 0.9
"""Share of the orders that come the next morning; the others a day later, and so on"""


@dataclass(frozen=True, slots=True)
class Sales:
    """Both (shops, commodities, T)."""

    sold: Floats
    stock: Floats
    """at the end of the period"""


def sell(plan: Plan, wanted: Floats, usual: Floats, cut_off: Bools, emptied: Bools) -> Sales:
    """What is sold of what is ``wanted``.

    ``usual`` (shops, commodities) is a day's expected sale, by which shops order. Where ``cut_off`` no lorry comes,
    where ``emptied`` the shelf is empty; both can be broadcast to (shops, commodities, T).
    """
    rng = plan.rng(6)
    cut_off, emptied = np.broadcast_to(cut_off, wanted.shape), np.broadcast_to(emptied, wanted.shape)
    full, reorder = np.ceil(usual * _FULL_DAYS) + 5, np.ceil(usual * _REORDER_DAYS) + 2
    stock = np.floor(reorder + (full - reorder) * rng.random(usual.shape))
    sold, left = np.empty_like(wanted), np.empty_like(wanted)
    for t in range(wanted.shape[-1]):
        if t % plan.per_day == 0:
            comes = (stock < reorder) & (rng.random(usual.shape) < _ARRIVES) & ~cut_off[..., t]
            stock = np.where(comes, np.maximum(full, stock), stock)
        stock = np.where(emptied[..., t], 0.0, stock)
        sold[..., t] = np.minimum(wanted[..., t], stock)
        stock = stock - sold[..., t]
        left[..., t] = stock
    return Sales(sold, left)
