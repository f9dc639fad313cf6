"""How long the stock on hand lasts, and what a rulebook may ask about it: pure functions on what the detectors keep.

``daily`` is the usual sale of a day while in stock (``in_stock_sales.daily``), in the unit of the stock.
"""

from typing import Final, NamedTuple

import numpy as np

from detectors.state import Floats
from detectors.tree import Tree


class Normal(NamedTuple):
    """Days of supply that are normal for a class of commodities in supermarkets."""

    least: float
    most: float


NORMAL: Final = {"01": Normal(9.0, 15.0), "02": Normal(30.0, 30.0), "03": Normal(6.0, 14.0), "08": Normal(5.0, 13.0)}
"""By the first two digits of the taxonomy code (grain, edible oil, meat, vegetables). Source: what commerce departments
of provinces and cities told the press as the days for which supermarkets' stock lasts in normal times."""


def normal_of(commodity: str) -> Normal | None:
    """The normal days of supply of a taxonomy code, None where no source names any.

    >>> normal_of("0801"), normal_of("0501")
    (Normal(least=5.0, most=13.0), None)
    """
    return NORMAL.get(commodity[:2])


def normal_days(commodities: tuple[str, ...]) -> Floats:
    """Least normal days of supply of each commodity, float64 (commodities,), NaN where no source names any."""
    found = [normal_of(code) for code in commodities]
    return np.array([np.nan if n is None else n.least for n in found], np.float64)


def days(stock: Floats, daily: Floats) -> Floats:
    """Days for which ``stock`` lasts at ``daily``: both (..., regions, commodities). NaN where nothing is sold.

    A stock below zero, as tills write it that sell before goods are booked in, is none.
    """
    ratio = np.divide(np.maximum(stock, 0.0), daily, out=np.full(np.shape(stock), np.nan), where=daily > 0.0)
    return np.asarray(ratio)


def percent_of_normal(stock: Floats, usual: Floats, daily: Floats, normal: Floats) -> Floats:
    """Stock as % of the normal one: measure ``stock_pct_of_normal``.

    ``usual``: the series' own usual stock, NaN where not known: then ``normal`` days (commodities,) of ``daily`` take
    its place, as officials judge it; NaN where neither is known.
    """
    standard = np.where(np.isnan(usual), normal * daily, usual)
    ratio = np.divide(np.maximum(stock, 0.0), standard, out=np.full(np.shape(stock), np.nan), where=standard > 0.0)
    return np.asarray(100.0 * ratio)


def share_out(tree: Tree, out: Floats, daily: Floats) -> Floats:
    """Share of usual sales that is out of stock, 0 to 1, of all nodes (regions, commodities) of a tree.

    ``out``: chance of being out (leaves, goods), NaN where not known; ``daily``: usual daily sales, in baskets where
    the commodities' units differ. A large shop's empty shelf counts for more than a kiosk's.
    """
    weight = np.where(np.isnan(out) | ~(daily > 0.0), np.nan, daily)
    total = tree.rise(weight)
    return np.asarray(np.divide(tree.rise(weight * out), total, out=np.full_like(total, np.nan), where=total > 0.0))


def days_of_nodes(tree: Tree, stock: Floats, daily: Floats) -> Floats:
    """Days of supply of all nodes of a tree, from the leaves that report their stock; NaN where none does.

    Both (leaves, goods), in baskets where the commodities' units differ.
    """
    told = ~np.isnan(stock) & (daily > 0.0)
    return days(tree.rise(np.where(told, stock, np.nan)), np.nan_to_num(tree.rise(np.where(told, daily, np.nan))))
